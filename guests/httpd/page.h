/* The texts this server answers with. */
#ifndef HTTPD_PAGE_H
#define HTTPD_PAGE_H

#include <stddef.h>

/* A buffer that lies behind the small variables, on pages which cost nothing until it is used. */
#define LARGE(name) __attribute__((section(".sbss." name)))

enum { PAGE_MAXIMUM = 2048 };

/* The front page: an HTML page with lines such as "name: vm-42". Returns its length. */
size_t page_front(char text[PAGE_MAXIMUM], unsigned requests);

/* The page of an error status: the reason and what to do. */
size_t page_error(char text[PAGE_MAXIMUM], int status);

/* The code and the reason phrase of a status: "404 Not Found". */
const char *page_status(int status);

#endif
