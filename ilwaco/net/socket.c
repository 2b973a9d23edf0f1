/* A socket's life, its waiting and its data; the POSIX functions around it are in posix.c. */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "memory.h"
#include "network.h"

enum { KEEPALIVE_IDLE_S = 7200, KEEPALIVE_INTERVAL_S = 75, KEEPALIVE_PROBES = 9 };

struct socket_waiter {
  struct socket_waiter *next;
  struct ilwaco_event event;
};

void socket_changed(struct socket *socket) {
  for (struct socket_waiter *w = socket->waiters; w; w = w->next) ilwaco_event_signal(&w->event);
  file_changed(&socket->file);
}

int socket_wait(struct socket *socket, uint64_t deadline) {
  struct socket_waiter self = {socket->waiters, ILWACO_EVENT_INITIALIZER};
  socket->waiters = &self;
  network_unlock();
  int signalled = ilwaco_event_wait(&self.event, deadline);
  network_lock();
  struct socket_waiter **link = &socket->waiters;
  while (*link != &self) link = &(*link)->next;
  *link = self.next;
  return signalled;
}

uint64_t socket_deadline(uint64_t timeout) {
  return timeout ? ilwaco_now_us() + timeout : ILWACO_NO_DEADLINE;
}

/* --- as a file */

static int blocks(const struct socket *socket, int flags) {
  return !(flags & MSG_DONTWAIT) && !(socket->file.flags & O_NONBLOCK);
}

static long file_read(struct file *file, void *buffer, size_t capacity) {
  network_lock();
  long result = socket_receive((struct socket *)file, buffer, capacity, 0, NULL, NULL);
  network_unlock();
  return result;
}

static long file_write(struct file *file, const void *buffer, size_t length) {
  network_lock();
  long result = socket_send((struct socket *)file, buffer, length, 0);
  network_unlock();
  return result;
}

static short stream_poll(const struct socket *socket) {
  const struct tcp_connection *c = socket->connection;
  if (socket->listener) return tcp_acceptable(socket->listener) ? POLLIN | POLLRDNORM : 0;
  if (!c) return POLLOUT | POLLHUP;
  short ready = 0;
  if (tcp_connecting(c)) return 0;
  if (tcp_readable(c) || socket->read_shut) ready |= POLLIN | POLLRDNORM;
  if (tcp_writable(c)) ready |= POLLOUT | POLLWRNORM;
  if (tcp_has_error(c)) ready |= POLLERR;
  if (tcp_read_ended(c) && tcp_write_ended(c)) ready |= POLLHUP;
  return ready;
}

static short file_poll(struct file *file, short events) {
  struct socket *socket = (struct socket *)file;
  network_lock();
  short ready;
  if (socket->type == SOCK_STREAM) {
    ready = stream_poll(socket);
  } else {
    ready = POLLOUT | POLLWRNORM;
    if (socket->udp->first) ready |= POLLIN | POLLRDNORM;
    if (socket->error) ready |= POLLERR;
  }
  ready &= events | POLLERR | POLLHUP;
  if (!ready) file->polled = 1;
  network_unlock();
  return ready;
}

static void file_closing(struct file *file) {
  struct socket *socket = (struct socket *)file;
  network_lock();
  socket->closed = 1;
  socket_changed(socket);
  network_unlock();
}

/* SO_LINGER with a time: wait until all that was written is acknowledged. */
static void linger(struct socket *socket) {
  uint64_t deadline = ilwaco_now_us() + socket->linger_s * 1000000ull;
  tcp_shutdown(socket->connection);
  while (tcp_unsent(socket->connection) && socket_wait(socket, deadline)) {
  }
}

static void file_release(struct file *file) {
  struct socket *socket = (struct socket *)file;
  network_lock();
  if (socket->connection) {
    if (socket->linger_on && socket->linger_s) linger(socket);
    tcp_close(socket->connection, socket->linger_on && !socket->linger_s);
  }
  if (socket->listener) tcp_listener_close(socket->listener);
  if (socket->udp) udp_close(socket->udp);
  net_free(socket, sizeof *socket);
  network_unlock();
}

static const struct file_operations socket_operations = {.read = file_read,
                                                         .write = file_write,
                                                         .poll = file_poll,
                                                         .closing = file_closing,
                                                         .release = file_release};

int socket_create(int type, int nonblocking, struct socket **created) {
  network_lock();
  struct socket *socket = net_allocate_zeroed(sizeof *socket);
  if (socket && type == SOCK_DGRAM && !(socket->udp = udp_open(socket))) {
    net_free(socket, sizeof *socket);
    socket = NULL;
  }
  network_unlock();
  if (!socket) return -ENOBUFS;
  socket->file.operations = &socket_operations;
  socket->file.references = created ? 2 : 1;
  socket->file.flags = nonblocking ? O_NONBLOCK : 0;
  socket->type = (uint8_t)type;
  socket->send_limit = socket->receive_limit = SOCKET_BUFFER_DEFAULT;
  socket->keepalive_idle_s = KEEPALIVE_IDLE_S;
  socket->keepalive_interval_s = KEEPALIVE_INTERVAL_S;
  socket->keepalive_probes = KEEPALIVE_PROBES;
  int fd = file_install(&socket->file);
  if (fd < 0) {
    file_release(&socket->file);
  } else if (created) {
    *created = socket;
  }
  return fd;
}

struct socket *socket_get(int fd) {
  struct file *file = file_get(fd);
  if (!file) {
    errno = EBADF;
    return NULL;
  }
  if (file->operations != &socket_operations) {
    file_put(file);
    errno = ENOTSOCK;
    return NULL;
  }
  network_lock();
  return (struct socket *)file;
}

void socket_put(struct socket *socket) {
  network_unlock();
  file_put(&socket->file);
}

/* --- data */

int socket_bind_any(struct socket *socket) {
  if (socket->bound) return 0;
  int error = 0;
  if (socket->udp) {
    error = udp_bind(socket->udp, socket->local_address, 0, 0);
    socket->local_port = socket->udp->local_port;
  } else {
    socket->local_port = tcp_choose_port(socket->local_address);
    if (!socket->local_port) error = EADDRINUSE;
  }
  socket->bound = !error;
  return error;
}

static long receive_stream(struct socket *socket, uint8_t *buffer, size_t capacity, int flags) {
  uint64_t deadline = socket_deadline(socket->receive_timeout_us);
  size_t taken = 0;
  for (;;) {
    if (!socket->connection) return -ENOTCONN;
    if (tcp_connecting(socket->connection) && !blocks(socket, flags)) return -EAGAIN;
    long result = tcp_read(socket->connection, buffer + taken, capacity - taken, flags & MSG_PEEK);
    if (result > 0) {
      taken += (size_t)result;
      if (!(flags & MSG_WAITALL) || (flags & MSG_PEEK) || taken == capacity) return (long)taken;
      continue;
    }
    if (result != -EAGAIN) return taken ? (long)taken : result;
    if (socket->read_shut || socket->closed) return (long)taken;
    if (!blocks(socket, flags) || !socket_wait(socket, deadline)) {
      return taken ? (long)taken : -EAGAIN;
    }
  }
}

static long receive_datagram(struct socket *socket, uint8_t *buffer, size_t capacity, int flags,
                             uint32_t *address, uint16_t *port) {
  uint64_t deadline = socket_deadline(socket->receive_timeout_us);
  while (!socket->udp->first) {
    if (socket->error) {
      int error = socket->error;
      socket->error = 0;
      return -error;
    }
    if (socket->closed || socket->read_shut) return 0;
    if (!blocks(socket, flags) || !socket_wait(socket, deadline)) return -EAGAIN;
  }
  struct udp_datagram *datagram =
      flags & MSG_PEEK ? socket->udp->first : udp_take(socket->udp);
  size_t length = datagram->length < capacity ? datagram->length : capacity;
  __builtin_memcpy(buffer, datagram->bytes, length);
  if (flags & MSG_TRUNC) length = datagram->length;
  if (address) *address = datagram->source;
  if (port) *port = datagram->source_port;
  if (!(flags & MSG_PEEK)) udp_free(datagram);
  return (long)length;
}

long socket_receive(struct socket *socket, void *buffer, size_t capacity, int flags,
                    uint32_t *address, uint16_t *port) {
  if (socket->type == SOCK_DGRAM) {
    return receive_datagram(socket, buffer, capacity, flags, address, port);
  }
  if (address) *address = socket->remote_address;
  if (port) *port = socket->remote_port;
  return receive_stream(socket, buffer, capacity, flags);
}

static long send_stream(struct socket *socket, const uint8_t *buffer, size_t length, int flags) {
  uint64_t deadline = socket_deadline(socket->send_timeout_us);
  size_t taken = 0;
  for (;;) {
    if (!socket->connection) return socket->listener ? -EPIPE : -ENOTCONN;
    long result = tcp_write(socket->connection, buffer + taken, length - taken);
    if (result >= 0) taken += (size_t)result;
    if (taken == length) return (long)taken;
    if (result < 0 && result != -EAGAIN) return taken ? (long)taken : result;
    if (socket->closed) return taken ? (long)taken : -EBADF;
    if (!blocks(socket, flags)) return taken ? (long)taken : -EAGAIN;
    if (!socket_wait(socket, deadline)) return taken ? (long)taken : -EAGAIN;
  }
}

long socket_send(struct socket *socket, const void *buffer, size_t length, int flags) {
  if (socket->type == SOCK_STREAM) return send_stream(socket, buffer, length, flags);
  if (!socket->connected) return -EDESTADDRREQ;
  return socket_send_to(socket, buffer, length, socket->remote_address, socket->remote_port);
}

long socket_send_to(struct socket *socket, const void *buffer, size_t length, uint32_t address,
                    uint16_t port) {
  if (socket->error) {
    int error = socket->error;
    socket->error = 0;
    return -error;
  }
  if (ipv4_is_broadcast(address) && !socket->broadcast) return -EACCES;
  int error = socket_bind_any(socket);
  if (!error) error = udp_send(socket->udp, address, port, buffer, length);
  return error ? -error : (long)length;
}
