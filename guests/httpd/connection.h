/*
 * One client: reads requests, writes answers, never blocks.
 *
 * The caller's loop polls `fd` for connection_events and calls connection_step when it is ready, and closes
 * connections whose deadline has passed. A connection that waits for a request owns no buffer.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

struct connection {
  int fd;
  uint8_t keep_alive;
  uint8_t ending;     /* all is written and the write side shut: waits for the client to close */
  char *head;         /* a request as far as it has come, or NULL */
  uint16_t head_used, head_capacity;
  char *rest;         /* what the socket did not take of an answer's text, or NULL */
  uint32_t rest_length, rest_sent;
  uint64_t document_at, document_end; /* bytes of the document still to send */
  uint64_t deadline;  /* microseconds of ilwaco_now_us */
};

void connection_init(struct connection *connection, int fd, uint64_t now);

/* POLLIN or POLLOUT: what to wait for. */
short connection_events(const struct connection *connection);

/* Goes on as far as it can. 0: it is over, and the caller calls connection_close. */
int connection_step(struct connection *connection, uint64_t now);

/* The deadline has passed: answers 408 if a request was under way. */
void connection_timeout(struct connection *connection);

/* Closes the socket (unless it was given away) and frees the buffers. */
void connection_close(struct connection *connection);

#endif
