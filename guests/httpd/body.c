/* See body.h. */
#include "body.h"

#include <unistd.h>

#include "document.h"

ssize_t body_read(const struct body *body, char *bytes, size_t capacity) {
  uint64_t left = body->end - body->at;
  size_t length = left < capacity ? (size_t)left : capacity;
  if (body->fd >= 0) return pread(body->fd, bytes, length, (off_t)body->at);
  document_write(bytes, body->at, length);
  return (ssize_t)length;
}

void body_end(struct body *body) {
  if (body->fd >= 0) close(body->fd);
  *body = BODY_NONE;
}
