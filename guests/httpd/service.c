/* See service.h. */
#include "service.h"

#include <string.h>

#include "burn.h"
#include "document.h"
#include "number.h"
#include "page.h"
#include "range.h"
#include "site.h"

static unsigned requests; /* answered since the start */

static void crash(void) {
  int *volatile nothing = NULL;
  *(volatile int *)nothing = 1;
}

static int answer_front(struct connection *c, int with_body) {
  static char body[PAGE_MAXIMUM] LARGE("2.2.body"); /* on the stack it would cost a page more */
  size_t length = page_front(body, requests);
  return connection_answer(c, 200, "text/html; charset=utf-8", body, length, with_body);
}

/* Whether `etag` is in a list as If-None-Match has it; by weak comparison (RFC 9110 section 8.8.3.2). */
static int is_listed(const char *list, const char *etag) {
  size_t length = strlen(etag);
  for (;;) {
    list += strspn(list, " \t,");
    if (*list == '*') return 1;
    if (strncmp(list, "W/", 2) == 0) list += 2;
    if (*list != '"') return 0;
    const char *end = strchr(list + 1, '"');
    if (!end) return 0;
    if ((size_t)(end + 1 - list) == length && memcmp(list, etag, length) == 0) return 1;
    list = end + 1;
  }
}

/* A document of `size` bytes whose pieces a client may ask for. Takes `body` over. */
static int answer_body(struct connection *c, const struct request *request, const char *type,
                       uint64_t size, const char *etag, struct body body) {
  struct answer answer = {.status = 200, .type = type, .length = size, .etag = etag, .size = size};
  body.at = 0;
  body.end = size;
  if (request->if_none_match && is_listed(request->if_none_match, etag)) {
    answer.status = 304;
  } else if (request->method == METHOD_GET &&
             /* A date, a weak tag or another tag: the client's piece is of another document. */
             (!request->if_range || strcmp(request->if_range, etag) == 0)) {
    enum range range = range_parse(request->range, size, &body.at, &body.end);
    if (range == RANGE_ONE) {
      answer.status = 206;
      answer.first = body.at;
      answer.length = body.end - body.at;
    } else if (range == RANGE_UNSATISFIABLE) {
      body_end(&body);
      return connection_refuse_range(c, size);
    }
  }
  if (answer.status == 304 || request->method == METHOD_HEAD) body_end(&body);
  return connection_answer_body(c, &answer, body);
}

static int answer_document(struct connection *c, const struct request *request, int with_body) {
  long long bytes = request_number(request, "bytes", DOCUMENT_MAXIMUM);
  if (bytes < 0) return connection_error(c, 400, with_body);
  char etag[sizeof "\"doc-\"" + NUMBER_MAXIMUM];
  strcpy(number_write(stpcpy(etag, "\"doc-"), (uint64_t)bytes, 16), "\"");
  return answer_body(c, request, "text/plain", (uint64_t)bytes, etag, BODY_NONE);
}

/* A folder's own links only work below its slash. */
static int redirect(struct connection *c, const struct request *request) {
  char location[REQUEST_TARGET_MAXIMUM + 2];
  size_t length = strlen(request->path);
  memcpy(location, request->path, length);
  memcpy(location + length, "/", 2);
  return connection_redirect(c, location);
}

static int answer_file(struct connection *c, const struct request *request, int with_body) {
  struct site_file file;
  int status = site_find(request->path, &file);
  if (status == 301) return redirect(c, request);
  if (status != 200) return connection_error(c, status, with_body);
  return answer_body(c, request, file.type, file.size, file.etag, (struct body){.fd = file.fd});
}

static int answer_burn(struct connection *c, const struct request *request, int with_body) {
  long long milliseconds = request_number(request, "ms", BURN_MS_MAXIMUM);
  if (milliseconds < 0) return connection_error(c, 400, with_body);
  if (!with_body) return connection_answer(c, 200, "text/plain", NULL, 0, 0);
  if (!burn_start(c->fd, (unsigned)milliseconds)) return connection_error(c, 503, with_body);
  c->fd = -1; /* the thread has it now */
  return 0;
}

int service_answer(struct connection *c, const struct request *request) {
  int with_body = request->method != METHOD_HEAD;
  requests++;
  if (request->method == METHOD_OTHER) return connection_error(c, 405, 1);
  if (strcmp(request->path, "/") == 0) {
    struct site_file file;
    if (site_find("/", &file) != 200) return answer_front(c, with_body);
    return answer_body(c, request, file.type, file.size, file.etag, (struct body){.fd = file.fd});
  }
  if (strcmp(request->path, "/doc") == 0) return answer_document(c, request, with_body);
  if (strcmp(request->path, "/burn") == 0) return answer_burn(c, request, with_body);
  if (strcmp(request->path, "/crash") == 0) crash();
  return answer_file(c, request, with_body);
}
