/*
 * The POSIX socket functions: arguments and errno; the work is in socket.c, tcp and udp. Sending and
 * receiving is in message.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network.h"
#include "posix.h"
#include "socket.h"

int socket(int domain, int type, int protocol) {
  int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (domain != AF_INET) return posix_fail(EAFNOSUPPORT);
  if (kind < 0 || kind > 10) return posix_fail(EINVAL);
  if (kind != SOCK_STREAM && kind != SOCK_DGRAM) return posix_fail(ESOCKTNOSUPPORT);
  if (protocol != 0 && protocol != (kind == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP)) {
    return posix_fail(EPROTONOSUPPORT);
  }
  int error = network_start();
  if (error) return posix_fail(error);
  int fd = socket_create(kind, type & SOCK_NONBLOCK, NULL);
  return fd < 0 ? posix_fail(-fd) : fd;
}

static int bind_stream(struct socket *socket, uint32_t address, uint16_t port) {
  if (address && !ipv4_is_own(address)) return EADDRNOTAVAIL;
  if (port == 0) port = tcp_choose_port(address);
  if (port == 0 || tcp_port_in_use(address, port, socket->reuse)) return EADDRINUSE;
  socket->local_address = address;
  socket->local_port = port;
  return 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
  struct sockaddr_in local;
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  int error = posix_load_address(address, length, &local);
  if (!error && (socket->bound || socket->connected)) error = EINVAL;
  if (!error && socket->type == SOCK_STREAM) {
    error = bind_stream(socket, local.sin_addr.s_addr, local.sin_port);
  } else if (!error) {
    error = udp_bind(socket->udp, local.sin_addr.s_addr, local.sin_port, socket->reuse);
    socket->local_address = socket->udp->local_address;
    socket->local_port = socket->udp->local_port;
  }
  if (!error) socket->bound = 1;
  return posix_finish(socket, error);
}

int listen(int fd, int backlog) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  unsigned limit = backlog < 1 ? 1 : backlog > SOMAXCONN ? SOMAXCONN : (unsigned)backlog;
  int error = 0;
  if (socket->type != SOCK_STREAM) {
    error = EOPNOTSUPP;
  } else if (socket->connected) {
    error = EINVAL;
  } else if (socket->listener) {
    tcp_set_backlog(socket->listener, limit);
  } else {
    error = socket_bind_any(socket);
    if (!error) {
      error = tcp_listen(socket, socket->local_address, socket->local_port, limit,
                         &socket->listener);
    }
  }
  return posix_finish(socket, error);
}

int accept(int fd, struct sockaddr *address, socklen_t *length) {
  return accept4(fd, address, length, 0);
}

/* Waits until there is something to accept; 0 or an error number. */
static int await_acceptable(struct socket *listening) {
  uint64_t deadline = socket_deadline(listening->receive_timeout_us);
  for (;;) {
    if (listening->closed) return EBADF;
    if (!listening->listener) return EINVAL;
    if (tcp_acceptable(listening->listener)) return 0;
    if (listening->file.flags & O_NONBLOCK) return EAGAIN;
    if (!socket_wait(listening, FILE_READABLE, deadline)) return EAGAIN;
  }
}

static void adopt(struct socket *socket, const struct socket *listening,
                  struct tcp_connection *connection) {
  struct tcp_endpoints at;
  tcp_get_endpoints(connection, &at);
  socket->local_address = at.local_address;
  socket->local_port = at.local_port;
  socket->remote_address = at.remote_address;
  socket->remote_port = at.remote_port;
  socket->bound = socket->connected = socket->announced = 1;
  socket->keepalive = listening->keepalive;
  socket->keepalive_idle_s = listening->keepalive_idle_s;
  socket->keepalive_interval_s = listening->keepalive_interval_s;
  socket->keepalive_probes = listening->keepalive_probes;
  socket->no_delay = listening->no_delay;
  socket->send_limit = listening->send_limit;
  socket->receive_limit = listening->receive_limit;
  socket->connection = connection;
  tcp_attach(connection, socket);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  struct socket *listening = socket_get(fd);
  if (!listening) return -1;
  if (listening->type != SOCK_STREAM) return posix_finish(listening, EOPNOTSUPP);
  int error = await_acceptable(listening);
  if (error) return posix_finish(listening, error);
  /* The new descriptor comes first, so that a connection is never taken that has no place. */
  network_unlock();
  struct socket *socket = NULL;
  int accepted = socket_create(SOCK_STREAM, flags & SOCK_NONBLOCK, &socket);
  network_lock();
  if (accepted < 0) return posix_finish(listening, -accepted);
  struct tcp_connection *connection = NULL;
  error = await_acceptable(listening);
  if (!error) connection = tcp_accept(listening->listener);
  if (connection) {
    adopt(socket, listening, connection);
    posix_store_address(address, length, socket->remote_address, socket->remote_port);
  }
  network_unlock();
  file_put(&socket->file);
  if (!connection) close(accepted);
  network_lock();
  socket_put(listening);
  return connection ? accepted : posix_fail(error);
}

static int connect_datagram(struct socket *socket, const struct sockaddr_in *remote) {
  uint32_t to = remote->sin_addr.s_addr;
  if (ipv4_is_broadcast(to) && !ipv4_is_multicast(to) && !socket->broadcast) return EACCES;
  if (!ipv4_has_route(to)) return ENETUNREACH;
  int error = socket_bind_any(socket);
  if (error) return error;
  socket->remote_address = socket->udp->remote_address = remote->sin_addr.s_addr;
  socket->remote_port = socket->udp->remote_port = remote->sin_port;
  socket->connected = 1;
  return 0;
}

static int start_connecting(struct socket *socket, const struct sockaddr_in *remote) {
  int own = ipv4_is_own(remote->sin_addr.s_addr);
  if (!remote->sin_port) return EADDRNOTAVAIL;
  if (!socket->local_address) {
    socket->local_address = own ? remote->sin_addr.s_addr : network_address();
  }
  int error = socket_bind_any(socket);
  if (error) return error;
  struct tcp_endpoints at = {socket->local_address, remote->sin_addr.s_addr, socket->local_port,
                             remote->sin_port};
  error = tcp_connect(socket, &at, &socket->connection);
  if (error) return error;
  socket->remote_address = at.remote_address;
  socket->remote_port = at.remote_port;
  socket->connected = 1;
  return 0;
}

/* A connection that failed goes away, so that the socket may try again. */
static int discard_connection(struct socket *socket, int error) {
  tcp_close(socket->connection, 0);
  socket->connection = NULL;
  socket->connected = 0;
  return error;
}

static int connect_stream(struct socket *socket, const struct sockaddr_in *remote) {
  if (socket->listener) return EOPNOTSUPP;
  if (socket->announced) return EISCONN;
  if (socket->connection) {
    if (tcp_connecting(socket->connection)) return EALREADY;
    int error = tcp_take_error(socket->connection);
    if (error) return discard_connection(socket, error);
    if (tcp_write_ended(socket->connection)) discard_connection(socket, 0);
  }
  if (!socket->connection) {
    int error = start_connecting(socket, remote);
    if (error) return error;
  }
  uint64_t deadline = socket_deadline(socket->send_timeout_us);
  while (socket->connection && tcp_connecting(socket->connection)) {
    if (socket->file.flags & O_NONBLOCK) return EINPROGRESS;
    if (socket->closed) return EBADF;
    if (!socket_wait(socket, FILE_ANY, deadline)) return EINPROGRESS;
  }
  if (!socket->connection) return ECONNABORTED; /* another thread saw it fail */
  int error = tcp_take_error(socket->connection);
  if (error) return discard_connection(socket, error);
  socket->announced = 1;
  return 0;
}

static int remote_is_none(const struct sockaddr *address, socklen_t length) {
  return address && length >= sizeof address->sa_family && address->sa_family == AF_UNSPEC;
}

/* A datagram socket forgets its peer. */
static int disconnect(struct socket *socket) {
  socket->remote_address = socket->udp->remote_address = 0;
  socket->remote_port = socket->udp->remote_port = 0;
  socket->connected = 0;
  return 0;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  struct sockaddr_in remote;
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  int error = posix_load_address(address, length, &remote);
  if (remote_is_none(address, length) && socket->udp) return posix_finish(socket, disconnect(socket));
  if (!error && !remote.sin_addr.s_addr) remote.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!error) {
    error = socket->type == SOCK_STREAM ? connect_stream(socket, &remote)
                                        : connect_datagram(socket, &remote);
  }
  return posix_finish(socket, error);
}

int shutdown(int fd, int how) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return posix_finish(socket, EINVAL);
  int connected = socket->udp ? socket->connected
                              : socket->connection && !tcp_connecting(socket->connection);
  if (!connected) return posix_finish(socket, ENOTCONN);
  if (how != SHUT_WR) {
    socket->read_shut = 1;
    socket_changed(socket, FILE_ANY);
  }
  if (how != SHUT_RD) socket->write_shut = socket->udp != NULL;
  if (how != SHUT_RD && socket->connection) tcp_shutdown(socket->connection);
  return posix_finish(socket, 0);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  posix_store_address(address, length, socket->local_address, socket->local_port);
  return posix_finish(socket, 0);
}

int getpeername(int fd, struct sockaddr *address, socklen_t *length) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  if (!socket->connected) return posix_finish(socket, ENOTCONN);
  posix_store_address(address, length, socket->remote_address, socket->remote_port);
  return posix_finish(socket, 0);
}
