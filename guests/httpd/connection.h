/*
 * One client: reads requests, writes answers, never blocks.
 *
 * table.c calls connection_step when `fd` is ready for what connection_writes tells, and ends connections
 * whose deadline has passed. A connection that waits for a request owns no buffer.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "body.h"

struct connection {
  int fd;
  uint8_t keep_alive;
  uint8_t old;        /* the request was HTTP/1.0 */
  uint8_t ending;     /* all is written and the write side shut: waits for the client to close */
  char *head;         /* a request as far as it has come, or NULL */
  uint16_t head_used, head_capacity;
  char *rest;         /* what the socket did not take of an answer's text, or NULL */
  uint32_t rest_length, rest_sent;
  struct body body;   /* what is still to send behind `rest` */
  uint64_t deadline;  /* microseconds of net_now_us */
  uint8_t waits_for;  /* WAIT_: why there is a deadline */

  /* of table.c alone */
  uint8_t listed;
  uint16_t events;
  uint32_t next, previous;
};

/* Microseconds that a client has for a request, between two, and to take some of an answer. */
struct patience {
  uint64_t request_us, idle_us, write_us;
};
void connection_set_patience(const struct patience *patience);

enum { WAIT_REQUEST, WAIT_IDLE, WAIT_WRITE, WAIT_ENDING, WAITS };

void connection_init(struct connection *connection, int fd, uint64_t now);

/* Whether it waits for room to write, or else for something to read. */
int connection_writes(const struct connection *connection);

/* Goes on as far as it can. 0: it is over, and the caller calls connection_close. */
int connection_step(struct connection *connection, uint64_t now);

/* The deadline has passed: answers 408 if a request was under way. */
void connection_timeout(struct connection *connection);

/* Closes the socket (unless it was given away) and frees the buffers. */
void connection_close(struct connection *connection);

/* --- for the service: an answer is sent, or kept until the client takes it. 0: the client is gone. */

int connection_answer(struct connection *connection, int status, const char *type, const char *body,
                      size_t length, int with_body); /* a body of at most PAGE_MAXIMUM bytes */
int connection_error(struct connection *connection, int status, int with_body);
int connection_redirect(struct connection *connection, const char *location);
int connection_refuse_range(struct connection *connection, uint64_t size);
int connection_answer_body(struct connection *connection, struct answer *answer, struct body body);

#endif
