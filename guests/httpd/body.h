/* What follows the head of an answer, piece by piece: the document of /doc, or a file. */
#ifndef HTTPD_BODY_H
#define HTTPD_BODY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct body {
  int fd; /* of a file, or -1: document.h */
  uint64_t at, end; /* bytes still to send; at == end: none */
};

#define BODY_NONE ((struct body){.fd = -1})

/* The next bytes, at most `capacity`; -1: the file could not be read, or is shorter than it was. */
ssize_t body_read(const struct body *body, char *bytes, size_t capacity);

/* Nothing is to be sent any more. */
void body_end(struct body *body);

#endif
