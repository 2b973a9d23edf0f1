/* One client; see connection.h. */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "burn.h"
#include "document.h"
#include "page.h"
#include "request.h"

#define REQUEST_PATIENCE_US (10 * 1000000ull)
#define IDLE_PATIENCE_US (60 * 1000000ull)
#define WRITE_PATIENCE_US (30 * 1000000ull)
#define ENDING_PATIENCE_US (2 * 1000000ull)
enum { HEAD_FIRST = 1024, CHUNK = 4096, CHUNKS_PER_STEP = 16, ANSWER_MAXIMUM = PAGE_MAXIMUM + 512 };

static unsigned requests; /* answered since the start */

void connection_init(struct connection *c, int fd, uint64_t now) {
  memset(c, 0, sizeof *c);
  c->fd = fd;
  c->keep_alive = 1;
  c->deadline = now + REQUEST_PATIENCE_US;
}

void connection_close(struct connection *c) {
  if (c->fd >= 0) close(c->fd);
  free(c->head);
  free(c->rest);
}

static int is_writing(const struct connection *c) {
  return c->rest || c->document_at < c->document_end;
}

short connection_events(const struct connection *c) { return is_writing(c) ? POLLOUT : POLLIN; }

/* --- writing */

/* Sends, and keeps what the socket does not take; 0: the client is gone. */
static int send_text(struct connection *c, const char *text, size_t length) {
  ssize_t sent = send(c->fd, text, length, 0);
  if (sent < 0 && errno != EAGAIN) return 0;
  if (sent < 0) sent = 0;
  if ((size_t)sent == length) return 1;
  c->rest_length = (uint32_t)(length - (size_t)sent);
  c->rest_sent = 0;
  c->rest = malloc(c->rest_length);
  if (!c->rest) return 0;
  memcpy(c->rest, text + sent, c->rest_length);
  return 1;
}

static int answer(struct connection *c, int status, const char *type, const char *body,
                  uint64_t length, int with_body) {
  static char text[ANSWER_MAXIMUM];
  char *at = stpcpy(text, "HTTP/1.1 ");
  at = stpcpy(at, page_status(status));
  at = stpcpy(at, "\r\nContent-Type: ");
  at = stpcpy(at, type);
  at += sprintf(at, "\r\nContent-Length: %llu\r\n", (unsigned long long)length);
  if (status == 405) at = stpcpy(at, "Allow: GET, HEAD\r\n");
  if (!c->keep_alive) at = stpcpy(at, "Connection: close\r\n");
  at = stpcpy(at, "\r\n");
  size_t total = (size_t)(at - text);
  if (body && with_body) {
    memcpy(text + total, body, (size_t)length);
    total += (size_t)length;
  }
  return send_text(c, text, total);
}

static int answer_error(struct connection *c, int status, int with_body) {
  char body[PAGE_MAXIMUM];
  size_t length = page_error(body, status);
  return answer(c, status, "text/plain", body, length, with_body);
}

/* 0: the client is gone. */
static int write_rest(struct connection *c, uint64_t now) {
  ssize_t sent = send(c->fd, c->rest + c->rest_sent, c->rest_length - c->rest_sent, 0);
  if (sent < 0) return errno == EAGAIN;
  c->rest_sent += (uint32_t)sent;
  c->deadline = now + WRITE_PATIENCE_US;
  if (c->rest_sent == c->rest_length) {
    free(c->rest);
    c->rest = NULL;
  }
  return 1;
}

/* Sends some of the document, not more at once than is fair to other clients. */
static int write_document(struct connection *c, uint64_t now) {
  static char chunk[CHUNK];
  for (int i = 0; i < CHUNKS_PER_STEP && c->document_at < c->document_end; i++) {
    uint64_t left = c->document_end - c->document_at;
    size_t length = left < CHUNK ? (size_t)left : CHUNK;
    document_write(chunk, c->document_at, length);
    ssize_t sent = send(c->fd, chunk, length, 0);
    if (sent < 0) return errno == EAGAIN;
    c->document_at += (uint64_t)sent;
    c->deadline = now + WRITE_PATIENCE_US;
    if ((size_t)sent < length) break;
  }
  return 1;
}

/* --- requests */

static void crash(void) {
  int *volatile nothing = NULL;
  *(volatile int *)nothing = 1;
}

static int answer_front(struct connection *c, int with_body) {
  char body[PAGE_MAXIMUM];
  size_t length = page_front(body, requests);
  return answer(c, 200, "text/html; charset=utf-8", body, length, with_body);
}

static int answer_document(struct connection *c, const struct request *request, int with_body) {
  long long bytes = request_number(request, "bytes", DOCUMENT_MAXIMUM);
  if (bytes < 0) return answer_error(c, 400, with_body);
  if (with_body) {
    c->document_at = 0;
    c->document_end = (uint64_t)bytes;
  }
  return answer(c, 200, "text/plain", NULL, (uint64_t)bytes, 0);
}

static int answer_burn(struct connection *c, const struct request *request, int with_body) {
  long long milliseconds = request_number(request, "ms", BURN_MS_MAXIMUM);
  if (milliseconds < 0) return answer_error(c, 400, with_body);
  if (!with_body) return answer(c, 200, "text/plain", NULL, 0, 0);
  if (!burn_start(c->fd, (unsigned)milliseconds)) return answer_error(c, 503, with_body);
  c->fd = -1; /* the thread has it now */
  return 0;
}

/* 0: the connection is over. */
static int serve(struct connection *c, const struct request *request) {
  requests++;
  c->keep_alive = (uint8_t)request->keep_alive;
  int with_body = request->method != METHOD_HEAD;
  if (request->method == METHOD_OTHER) return answer_error(c, 405, 1);
  if (strcmp(request->path, "/") == 0) return answer_front(c, with_body);
  if (strcmp(request->path, "/doc") == 0) return answer_document(c, request, with_body);
  if (strcmp(request->path, "/burn") == 0) return answer_burn(c, request, with_body);
  if (strcmp(request->path, "/crash") == 0) crash();
  return answer_error(c, 404, with_body);
}

static int refuse(struct connection *c, int status) {
  c->keep_alive = 0;
  c->head_used = 0;
  return answer_error(c, status, 1);
}

/* Serves the first request in `head` if it is whole. 0: the connection is over. */
static int serve_next(struct connection *c, uint64_t now) {
  size_t length = request_head_length(c->head, c->head_used);
  if (length == 0) {
    if (c->head_used < REQUEST_HEAD_MAXIMUM) return 1;
    int target_too_long = !memchr(c->head, '\n', c->head_used);
    return refuse(c, target_too_long ? 414 : 431);
  }
  struct request request;
  int status = request_parse(c->head, length, &request);
  if (status) return refuse(c, status);
  int alive = serve(c, &request);
  c->head_used -= (uint16_t)length;
  memmove(c->head, c->head + length, c->head_used);
  c->deadline = now + (is_writing(c) ? WRITE_PATIENCE_US : IDLE_PATIENCE_US);
  return alive;
}

static int grow_head(struct connection *c) {
  size_t capacity = c->head_capacity ? c->head_capacity * 2u : HEAD_FIRST;
  char *head = realloc(c->head, capacity);
  if (!head) return 0;
  c->head = head;
  c->head_capacity = (uint16_t)capacity;
  return 1;
}

static void drop_head(struct connection *c) {
  free(c->head);
  c->head = NULL;
  c->head_capacity = 0;
}

/* 0: the client is gone, -1: nothing has come, 1: something has. */
static int read_more(struct connection *c, uint64_t now) {
  if (c->head_used == c->head_capacity && !grow_head(c)) return 0;
  ssize_t got = recv(c->fd, c->head + c->head_used, (size_t)(c->head_capacity - c->head_used), 0);
  if (got < 0 && errno == EAGAIN) return -1;
  if (got <= 0) return 0;
  if (c->head_used == 0) c->deadline = now + REQUEST_PATIENCE_US;
  c->head_used += (uint16_t)got;
  return 1;
}

/* The answer was the last one. What the client still sends is thrown away for a moment: closing with
 * unread data would reset the connection and could take the answer with it (RFC 9112 section 9.6). */
static int end(struct connection *c, uint64_t now) {
  char waste[256];
  if (!c->ending) {
    c->ending = 1;
    drop_head(c);
    shutdown(c->fd, SHUT_WR);
    c->deadline = now + ENDING_PATIENCE_US;
  }
  for (int i = 0; i < 64; i++) {
    ssize_t got = recv(c->fd, waste, sizeof waste, 0);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
  }
  return 1;
}

int connection_step(struct connection *c, uint64_t now) {
  for (;;) {
    if (c->rest && !write_rest(c, now)) return 0;
    if (c->rest) return 1;
    if (c->document_at < c->document_end) {
      if (!write_document(c, now)) return 0;
      if (c->document_at < c->document_end) return 1;
    }
    if (!c->keep_alive) return end(c, now);
    uint16_t before = c->head_used;
    if (c->head_used && !serve_next(c, now)) return 0;
    if (c->head_used != before || !c->keep_alive || is_writing(c)) continue;
    int got = read_more(c, now);
    if (got == 0) return 0;
    if (got < 0) {
      if (c->head_used == 0) drop_head(c);
      return 1;
    }
  }
}

void connection_timeout(struct connection *c) {
  if (c->head_used && !is_writing(c) && !c->ending) refuse(c, 408);
}
