/*
 * An HTTP/1.1 request head (RFC 9112), parsed in place.
 *
 * The head must be whole: everything up to the empty line. Bodies are not read: a request that has one
 * is answered and its connection closed.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <stddef.h>

enum { REQUEST_HEAD_MAXIMUM = 8192, REQUEST_TARGET_MAXIMUM = 2048 };

enum method { METHOD_GET, METHOD_HEAD, METHOD_OTHER };

struct request {
  enum method method;
  char *path;  /* without the query, NUL-terminated */
  char *query; /* behind the "?", or "" */
  int keep_alive;
  int is_old; /* HTTP/1.0 */
  int has_body;
  /* Values of fields, or NULL. What comes twice is "": it matches nothing. */
  char *range, *if_range, *if_none_match;
};

/* Length of the head at the start of `bytes`, 0: not whole yet. */
size_t request_head_length(const char *bytes, size_t length);

/* Parses a head; the strings of `request` point into it. 0, or the status of the refusal: 400, 414, 505. */
int request_parse(char *head, size_t length, struct request *request);

/* The decimal value of KEY=VALUE in the query, or -1: absent, not a number, or larger than `maximum`. */
long long request_number(const struct request *request, const char *key, long long maximum);

#endif
