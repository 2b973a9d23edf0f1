/* See answer.h. */
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "page.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT": once a second. */
static const char *date(void) {
  static char text[32];
  static time_t written;
  time_t now = time(NULL);
  if (now != written || !text[0]) {
    struct tm calendar;
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &calendar));
    written = now;
  }
  return text;
}

size_t answer_head(char text[ANSWER_HEAD_MAXIMUM], const struct answer *a) {
  typedef unsigned long long number;
  char *at = stpcpy(text, "HTTP/1.1 ");
  at = stpcpy(at, page_status(a->status));
  at = stpcpy(at, "\r\nDate: ");
  at = stpcpy(at, date());
  if (a->status != 304) {
    at = stpcpy(at, "\r\nContent-Type: ");
    at = stpcpy(at, a->type);
    at += sprintf(at, "\r\nContent-Length: %llu", (number)a->length);
  }
  if (a->etag) at += sprintf(at, "\r\nETag: %s\r\nAccept-Ranges: bytes", a->etag);
  if (a->status == 206) {
    at += sprintf(at, "\r\nContent-Range: bytes %llu-%llu/%llu", (number)a->first,
                  (number)(a->first + a->length - 1), (number)a->size);
  }
  if (a->status == 416) at += sprintf(at, "\r\nContent-Range: bytes */%llu", (number)a->size);
  if (a->location) {
    at = stpcpy(at, "\r\nLocation: ");
    at = stpcpy(at, a->location);
  }
  if (a->status == 405) at = stpcpy(at, "\r\nAllow: GET, HEAD");
  if (a->close) at = stpcpy(at, "\r\nConnection: close");
  if (a->keep_alive) at = stpcpy(at, "\r\nConnection: keep-alive");
  return (size_t)(stpcpy(at, "\r\n\r\n") - text);
}
