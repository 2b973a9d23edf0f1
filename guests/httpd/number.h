/* Numbers in the heads of answers, without what printf has to find out first. */
#ifndef HTTPD_NUMBER_H
#define HTTPD_NUMBER_H

#include <stdint.h>

enum { NUMBER_MAXIMUM = 20 }; /* digits, of any number in base 10 or 16 */

/* Writes a number in base 10 or 16, and a NUL; returns where the NUL is. */
char *number_write(char *to, uint64_t number, unsigned base);

#endif
