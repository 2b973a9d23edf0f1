/* One client; see connection.h. */
#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "page.h"
#include "request.h"
#include "service.h"

#define ENDING_PATIENCE_US (2 * 1000000ull)
enum { HEAD_FIRST = 1024, PIECE_FIRST = 2560, PIECE = 16384, PIECES_PER_STEP = 4 };

static struct patience settings;

void connection_set_patience(const struct patience *patience) { settings = *patience; }

int connection_writes(const struct connection *c) {
  return c->rest || c->body.at < c->body.end;
}

static void wait_for(struct connection *c, int what, uint64_t now) {
  c->waits_for = (uint8_t)what;
  c->deadline = now + (what == WAIT_REQUEST ? settings.request_us
                       : what == WAIT_IDLE  ? settings.idle_us
                       : what == WAIT_WRITE ? settings.write_us
                                            : ENDING_PATIENCE_US);
}

void connection_init(struct connection *c, int fd, uint64_t now) {
  /* What is to wait for more says so; the end of an answer must not wait for an acknowledgement. */
  int at_once = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  memset(c, 0, sizeof *c);
  c->fd = fd;
  c->body = BODY_NONE;
  c->keep_alive = 1;
  wait_for(c, WAIT_REQUEST, now);
}

void connection_close(struct connection *c) {
  if (c->fd >= 0) close(c->fd);
  body_end(&c->body);
  free(c->head);
  free(c->rest);
}

/* --- writing */

/* A head and what goes with it: with most answers one page is touched. */
static char outgoing[ANSWER_HEAD_MAXIMUM + PIECE_FIRST] LARGE("1.4.outgoing");
_Static_assert((int)PAGE_MAXIMUM <= (int)PIECE_FIRST, "a page goes with its head");

/* How much the socket takes; -1: the client is gone. */
static ssize_t send_bytes(struct connection *c, const char *bytes, size_t length, int more) {
  ssize_t sent = send(c->fd, bytes, length, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* Keeps for later what the socket did not take. 0: there is no memory. */
static int keep_rest(struct connection *c, const char *text, size_t length) {
  c->rest_length = (uint32_t)length;
  c->rest_sent = 0;
  c->rest = malloc(length);
  if (c->rest) memcpy(c->rest, text, length);
  return c->rest != NULL;
}

static size_t write_head(struct connection *c, struct answer *answer) {
  answer->close = !c->keep_alive;
  answer->keep_alive = c->keep_alive && c->old;
  return answer_head(outgoing, answer);
}

static int send_answer(struct connection *c, struct answer *answer, const char *body,
                       size_t length) {
  size_t head = write_head(c, answer);
  memcpy(outgoing + head, body, length);
  length += head;
  ssize_t sent = send_bytes(c, outgoing, length, 0);
  if (sent < 0) return 0;
  return (size_t)sent == length || keep_rest(c, outgoing + sent, length - (size_t)sent);
}

int connection_answer(struct connection *c, int status, const char *type, const char *body,
                      size_t length, int with_body) {
  struct answer answer = {.status = status, .type = type, .length = length};
  return send_answer(c, &answer, body ? body : "", with_body ? length : 0);
}

int connection_error(struct connection *c, int status, int with_body) {
  char body[PAGE_MAXIMUM];
  size_t length = page_error(body, status);
  return connection_answer(c, status, "text/plain", body, length, with_body);
}

int connection_refuse_range(struct connection *c, uint64_t size) {
  char body[PAGE_MAXIMUM];
  size_t length = page_error(body, 416);
  struct answer answer = {.status = 416, .type = "text/plain", .length = length, .size = size};
  return send_answer(c, &answer, body, length);
}

int connection_redirect(struct connection *c, const char *location) {
  struct answer answer = {.status = 301, .type = "text/plain", .location = location};
  return send_answer(c, &answer, "", 0);
}

/* What is sent of a body is at most what was read of it, so that nothing of it is kept. */
static void advance_body(struct connection *c, size_t sent) {
  c->body.at += sent;
  if (c->body.at == c->body.end) body_end(&c->body);
}

/* Its first piece goes with the head. */
int connection_answer_body(struct connection *c, struct answer *answer, struct body body) {
  c->body = body;
  size_t head = write_head(c, answer);
  ssize_t length = body_read(&body, outgoing + head, PIECE_FIRST);
  if (length < 0) length = 0; /* write_body finds out, too */
  int more = body.at + (uint64_t)length < body.end;
  ssize_t sent = send_bytes(c, outgoing, head + (size_t)length, more);
  if (sent < 0) return 0;
  size_t of_head = (size_t)sent < head ? (size_t)sent : head;
  advance_body(c, (size_t)sent - of_head);
  return of_head == head || keep_rest(c, outgoing + of_head, head - of_head);
}

/* 0: the client is gone. */
static int write_rest(struct connection *c, uint64_t now) {
  ssize_t sent = send(c->fd, c->rest + c->rest_sent, c->rest_length - c->rest_sent, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  c->rest_sent += (uint32_t)sent;
  wait_for(c, WAIT_WRITE, now);
  if (c->rest_sent == c->rest_length) {
    free(c->rest);
    c->rest = NULL;
  }
  return 1;
}

/* 0: the client is gone. 1: for now the socket takes no more, or there is no more. 2: it may. */
static int write_piece(struct connection *c, char *piece, size_t capacity, uint64_t now) {
  ssize_t length = body_read(&c->body, piece, capacity);
  if (length <= 0) return 0; /* the head has promised more: only a broken connection tells */
  ssize_t sent = send_bytes(c, piece, (size_t)length, c->body.at + (uint64_t)length < c->body.end);
  if (sent <= 0) return sent == 0;
  advance_body(c, (size_t)sent);
  wait_for(c, WAIT_WRITE, now);
  return sent == length && c->body.at < c->body.end ? 2 : 1;
}

/* Sends some of the body, not more at once than is fair to other clients. 0: the client is gone.
 * Memory for large pieces is the heap's, which gives it back before the VM idles. */
static int write_body(struct connection *c, uint64_t now) {
  char *piece = malloc(PIECE);
  int state = 2;
  for (int i = 0; i < PIECES_PER_STEP && state == 2; i++) {
    state = piece ? write_piece(c, piece, PIECE, now)
                  : write_piece(c, outgoing, sizeof outgoing, now);
  }
  free(piece);
  return state != 0;
}

/* --- requests */

static int refuse(struct connection *c, int status) {
  c->keep_alive = 0;
  c->head_used = 0;
  return connection_error(c, status, 1);
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
  c->keep_alive = (uint8_t)request.keep_alive;
  c->old = (uint8_t)request.is_old;
  int alive = service_answer(c, &request);
  c->head_used -= (uint16_t)length;
  memmove(c->head, c->head + length, c->head_used);
  wait_for(c, connection_writes(c) ? WAIT_WRITE : WAIT_IDLE, now);
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

/* 0: the client is gone. `*all`: there is no more to read; if there is, epoll will tell. */
static int read_more(struct connection *c, uint64_t now, int *all) {
  if (c->head_used == c->head_capacity && !grow_head(c)) return 0;
  size_t room = (size_t)(c->head_capacity - c->head_used);
  ssize_t got = recv(c->fd, c->head + c->head_used, room, 0);
  *all = got < (ssize_t)room;
  if (got < 0 && errno == EAGAIN) return 1;
  if (got <= 0) return 0;
  if (c->head_used == 0) wait_for(c, WAIT_REQUEST, now);
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
    wait_for(c, WAIT_ENDING, now);
  }
  for (int i = 0; i < 64; i++) {
    ssize_t got = recv(c->fd, waste, sizeof waste, 0);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
  }
  return 1;
}

int connection_step(struct connection *c, uint64_t now) {
  for (int all = 0;;) {
    if (c->rest && !write_rest(c, now)) return 0;
    if (c->rest) return 1;
    if (c->body.at < c->body.end) {
      if (!write_body(c, now)) return 0;
      if (c->body.at < c->body.end) return 1;
    }
    if (!c->keep_alive) return end(c, now);
    if (c->waits_for == WAIT_WRITE) wait_for(c, WAIT_IDLE, now); /* all is written */
    uint16_t before = c->head_used;
    if (c->head_used && !serve_next(c, now)) return 0;
    if (c->head_used != before || !c->keep_alive || connection_writes(c)) continue;
    if (all) break;
    if (!read_more(c, now, &all)) return 0;
  }
  if (c->head_used == 0) drop_head(c);
  return 1;
}

void connection_timeout(struct connection *c) {
  if (c->head_used && !connection_writes(c) && !c->ending) refuse(c, 408);
}
