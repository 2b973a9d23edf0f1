/* A socket's life, its waiting, and how it is a file; what goes through it is in socket_data.c, the POSIX functions around it are in posix.c. */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "memory.h"
#include "network.h"

enum { KEEPALIVE_IDLE_S = 7200, KEEPALIVE_INTERVAL_S = 75, KEEPALIVE_PROBES = 9 };

struct socket_waiter {
  struct socket_waiter *next;
  unsigned events;
  struct ilwaco_event event;
};

void socket_changed(struct socket *socket, unsigned events) {
  for (struct socket_waiter *w = socket->waiters; w; w = w->next) {
    if (w->events & events) ilwaco_event_signal(&w->event);
  }
  file_changed(&socket->file, events);
}

int socket_wait(struct socket *socket, unsigned events, uint64_t deadline) {
  struct socket_waiter self = {socket->waiters, events, ILWACO_EVENT_INITIALIZER};
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

static long file_readv(struct file *file, const struct iovec *pieces, int count) {
  struct sockaddr_in from;
  int flags = 0;
  network_lock();
  long result = socket_receive((struct socket *)file, pieces, count, &flags, &from);
  network_unlock();
  return result;
}

static long file_writev(struct file *file, const struct iovec *pieces, int count) {
  network_lock();
  long result = socket_send((struct socket *)file, pieces, count, 0, NULL);
  network_unlock();
  return result;
}

static long file_read(struct file *file, void *buffer, size_t capacity) {
  return file_readv(file, &(struct iovec){buffer, capacity}, 1);
}

static long file_write(struct file *file, const void *buffer, size_t length) {
  return file_writev(file, &(struct iovec){(void *)buffer, length}, 1);
}

static long file_ioctl(struct file *file, unsigned long request, int *value) {
  struct socket *socket = (struct socket *)file;
  long result = 0;
  network_lock();
  if (request == FIONREAD && socket->udp) {
    *value = socket->udp->first ? socket->udp->first->length : 0;
  } else if (request == FIONREAD && !socket->listener) {
    *value = socket->connection ? (int)tcp_available(socket->connection) : 0;
  } else if (request == TIOCOUTQ && !socket->listener) {
    *value = socket->connection ? (int)tcp_queued(socket->connection) : 0;
  } else {
    result = request == FIONREAD || request == TIOCOUTQ ? -EINVAL : -ENOTTY;
  }
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
  if (tcp_read_ended(c) || socket->read_shut) ready |= POLLRDHUP;
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
    if (socket->udp->first || socket->read_shut) ready |= POLLIN | POLLRDNORM;
    if (socket->error) ready |= POLLERR;
  }
  ready &= events | POLLERR | POLLHUP;
  if (!ready) file_polled(file, events);
  network_unlock();
  return ready;
}

static void file_closing(struct file *file) {
  struct socket *socket = (struct socket *)file;
  network_lock();
  socket->closed = 1;
  socket_changed(socket, FILE_ANY);
  network_unlock();
}

/* SO_LINGER with a time: wait until all that was written is acknowledged. */
static void linger(struct socket *socket) {
  uint64_t deadline = ilwaco_now_us() + socket->linger_s * 1000000ull;
  tcp_shutdown(socket->connection);
  while (tcp_unsent(socket->connection) && socket_wait(socket, FILE_WRITABLE, deadline)) {
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
                                                         .readv = file_readv,
                                                         .writev = file_writev,
                                                         .ioctl = file_ioctl,
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
  socket->time_to_live = IPV4_TIME_TO_LIVE;
  socket->fragmenting = IP_PMTUDISC_WANT;
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
