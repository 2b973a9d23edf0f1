/*
 * TCP (RFC 9293) as the socket layer sees it.
 *
 * Rules for callers: hold the network lock. Addresses and ports are in network byte order. A
 * connection belongs to its socket until tcp_close; the stack calls socket_changed when something
 * happened that a waiting thread may want to know. Errors are positive errno numbers, or negative ones
 * where a count is returned.
 */
#ifndef ILWACO_NET_TCP_H
#define ILWACO_NET_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "ipv4.h"

struct socket;
struct tcp_connection;
struct tcp_listener;

struct tcp_endpoints {
  uint32_t local_address, remote_address;
  uint16_t local_port, remote_port;
};

int tcp_start(void); /* 0: no memory */
void tcp_input(const struct ipv4_packet *packet);
void tcp_flush(void); /* sends what tcp_input decided to send later, once a batch of frames is in */

/* An ICMP error, or one of our own, about a segment that was sent. */
void tcp_failed(uint32_t source, uint32_t destination, const uint8_t *header, int error,
                unsigned mtu);

/* --- opening */

/* Whether a listener or, unless `reuse`, a connection holds the port. */
int tcp_port_in_use(uint32_t address, uint16_t port, int reuse);
uint16_t tcp_choose_port(uint32_t address); /* 0: none is free */

/* Sends a SYN; socket_changed follows when the connection stands or failed. */
int tcp_connect(struct socket *socket, const struct tcp_endpoints *endpoints,
                struct tcp_connection **connection);

int tcp_listen(struct socket *socket, uint32_t address, uint16_t port, unsigned backlog,
               struct tcp_listener **listener);
void tcp_set_backlog(struct tcp_listener *listener, unsigned backlog);
int tcp_acceptable(const struct tcp_listener *listener);
/* The oldest established connection, or NULL; it then belongs to the socket of tcp_attach. */
struct tcp_connection *tcp_accept(struct tcp_listener *listener);
void tcp_attach(struct tcp_connection *connection, struct socket *socket);
void tcp_listener_close(struct tcp_listener *listener);

/* --- using */

/* Bytes taken; -EAGAIN if the send buffer is full; -EPIPE, or -error of the connection. With `more`
 * a segment that is not full waits for the next write, but at most 200 ms. */
long tcp_write(struct tcp_connection *connection, const void *bytes, size_t length, int more);

/* Bytes read, 0 at the end of the stream, -EAGAIN, or -error. */
long tcp_read(struct tcp_connection *connection, void *bytes, size_t length);
/* The same from `offset` on, and the bytes stay. */
long tcp_peek(struct tcp_connection *connection, size_t offset, void *bytes, size_t length);

void tcp_uncork(struct tcp_connection *connection); /* what waited for more goes out */

size_t tcp_available(const struct tcp_connection *connection); /* bytes a read would give */
size_t tcp_queued(const struct tcp_connection *connection);    /* written and not acknowledged */

int tcp_connecting(const struct tcp_connection *connection);
int tcp_readable(const struct tcp_connection *connection);  /* a read would not wait */
int tcp_writable(const struct tcp_connection *connection);  /* a write would not wait */
int tcp_read_ended(const struct tcp_connection *connection);
int tcp_write_ended(const struct tcp_connection *connection);
int tcp_unsent(const struct tcp_connection *connection); /* bytes or a FIN not acknowledged yet */
int tcp_has_error(const struct tcp_connection *connection);
int tcp_take_error(struct tcp_connection *connection);
void tcp_get_endpoints(const struct tcp_connection *connection, struct tcp_endpoints *endpoints);
unsigned tcp_segment_size(const struct tcp_connection *connection);

void tcp_configure(struct tcp_connection *connection); /* takes over the socket's options */

/* --- ending */

void tcp_shutdown(struct tcp_connection *connection); /* nothing more will be written */

/* The socket lets go. What was written is still sent; if something was left unread, or `reset`, the
 * connection is reset (RFC 2525 section 2.17). */
void tcp_close(struct tcp_connection *connection, int reset);

#endif
