/* See answer.h. */
#include "answer.h"

#include <string.h>
#include <time.h>

#include "number.h"
#include "page.h"

enum { DAY_S = 24 * 3600 };

static void write_two_digits(char *to, uint32_t number) {
  to[0] = (char)('0' + number / 10);
  to[1] = (char)('0' + number % 10);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT". A server that is asked once in a while needs another one each time: only
 * the first of a day asks the calendar. */
static const char *date(void) {
  static char text[32];
  static time_t midnight;
  time_t now = time(NULL);
  if (!text[0] || now < midnight || now - midnight >= DAY_S) {
    struct tm calendar;
    strftime(text, sizeof text, "%a, %d %b %Y 00:00:00 GMT", gmtime_r(&now, &calendar));
    midnight = now - now % DAY_S;
  }
  uint32_t second = (uint32_t)(now - midnight);
  write_two_digits(text + 17, second / 3600);
  write_two_digits(text + 20, second / 60 % 60);
  write_two_digits(text + 23, second % 60);
  return text;
}

static char *field(char *at, const char *name, uint64_t number) {
  return number_write(stpcpy(at, name), number, 10);
}

size_t answer_head(char text[ANSWER_HEAD_MAXIMUM], const struct answer *a) {
  char *at = stpcpy(text, "HTTP/1.1 ");
  at = stpcpy(at, page_status(a->status));
  at = stpcpy(at, "\r\nDate: ");
  at = stpcpy(at, date());
  if (a->status != 304) {
    at = stpcpy(at, "\r\nContent-Type: ");
    at = stpcpy(at, a->type);
    at = field(at, "\r\nContent-Length: ", a->length);
  }
  if (a->etag) {
    at = stpcpy(at, "\r\nETag: ");
    at = stpcpy(at, a->etag);
    at = stpcpy(at, "\r\nAccept-Ranges: bytes");
  }
  if (a->status == 206) {
    at = field(at, "\r\nContent-Range: bytes ", a->first);
    at = field(at, "-", a->first + a->length - 1);
    at = field(at, "/", a->size);
  }
  if (a->status == 416) at = field(at, "\r\nContent-Range: bytes */", a->size);
  if (a->location) {
    at = stpcpy(at, "\r\nLocation: ");
    at = stpcpy(at, a->location);
  }
  if (a->status == 405) at = stpcpy(at, "\r\nAllow: GET, HEAD");
  if (a->close) at = stpcpy(at, "\r\nConnection: close");
  if (a->keep_alive) at = stpcpy(at, "\r\nConnection: keep-alive");
  return (size_t)(stpcpy(at, "\r\n\r\n") - text);
}
