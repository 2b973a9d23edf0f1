/*
 * A socket: what the program's descriptor refers to. For the files of the stack only.
 *
 * All fields but `file` are guarded by the network lock. A thread that must wait gives the lock up
 * meanwhile and looks again afterwards.
 */
#ifndef ILWACO_NET_SOCKET_H
#define ILWACO_NET_SOCKET_H

#include <ilwaco.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "../file.h"
#include "tcp.h"
#include "udp.h"

enum { SOCKET_BUFFER_MINIMUM = 4096, SOCKET_BUFFER_DEFAULT = 262144, SOCKET_BUFFER_MAXIMUM = 1 << 20 };

struct socket_waiter;

struct socket {
  struct file file; /* first: see file.h */
  uint8_t type;     /* SOCK_STREAM or SOCK_DGRAM */
  uint8_t closed;   /* by close(): calls in progress end */
  uint8_t read_shut, write_shut; /* write_shut: of a datagram socket */
  uint8_t bound;
  uint8_t connected;  /* a connection was asked for */
  uint8_t announced;  /* connect() has told that it stands */
  int error;          /* of a datagram socket */
  uint32_t local_address, remote_address;
  uint16_t local_port, remote_port;
  struct tcp_connection *connection;
  struct tcp_listener *listener;
  struct udp_endpoint *udp;
  struct socket_waiter *waiters;
  /* options */
  uint8_t reuse, keepalive, no_delay, broadcast, linger_on, cork;
  uint8_t keepalive_probes;
  uint16_t keepalive_idle_s, keepalive_interval_s, linger_s;
  uint32_t send_limit, receive_limit; /* bytes */
  uint32_t user_timeout_ms; /* 0: the default */
  uint8_t time_to_live, service, fragmenting; /* fragmenting: IP_PMTUDISC_ */
  uint64_t send_timeout_us, receive_timeout_us; /* 0: none */
};

/* Some of `events` (file.h) may hold now: wakes those who wait for them. */
void socket_changed(struct socket *socket, unsigned events);

/* Waits for socket_changed; the lock is given up meanwhile. 0: `deadline` (ilwaco_now_us) passed. */
int socket_wait(struct socket *socket, unsigned events, uint64_t deadline);

/* `timeout` microseconds from now; never for 0. */
uint64_t socket_deadline(uint64_t timeout);

/* A new socket in the descriptor table; -errno. The lock is not held. */
int socket_create(int type, int nonblocking, struct socket **created);

/* The socket of a descriptor with a reference more and the lock held, for socket_put; NULL: errno is
 * EBADF or ENOTSOCK. */
struct socket *socket_get(int fd);
void socket_put(struct socket *socket);

/* --- socket_data.c; results are counts or -errno */

/* `*flags` are MSG_ flags, and MSG_TRUNC or 0 afterwards. `from` is filled for datagrams. */
long socket_receive(struct socket *socket, const struct iovec *pieces, int count, int *flags,
                    struct sockaddr_in *from);
/* `to` is for datagrams; NULL: to where the socket is connected. */
long socket_send(struct socket *socket, const struct iovec *pieces, int count, int flags,
                 const struct sockaddr_in *to);
int socket_take_error(struct socket *socket);

/* Binds to an ephemeral port if the socket has none; 0 or an error number. */
int socket_bind_any(struct socket *socket);

#endif
