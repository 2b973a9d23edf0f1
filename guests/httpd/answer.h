/* Heads of answers. */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct answer {
  int status;
  const char *type;
  uint64_t length;       /* of the body */
  const char *etag;      /* with its quotes, or NULL: ranges are not offered either */
  uint64_t first, size;  /* of a 206: where it begins, and all there is; of a 416: all there is */
  const char *location;  /* of a 301 */
  int close;             /* the connection ends with it */
  int keep_alive;        /* an HTTP/1.0 client is told that it does not */
};

enum { ANSWER_HEAD_MAXIMUM = 3072 };

/* Writes the head with its empty line; returns its length. */
size_t answer_head(char text[ANSWER_HEAD_MAXIMUM], const struct answer *answer);

#endif
