/*
 * What goes through a socket: bytes of a stream or datagrams, from and to scattered buffers.
 *
 * A call takes what is there without waiting; only one that would take nothing waits (or, with
 * MSG_WAITALL, one that is not full).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "network.h"
#include "socket.h"

/* A place in a list of buffers. */
struct cursor {
  const struct iovec *piece, *end;
  size_t offset; /* in *piece */
};

static struct cursor cursor_of(const struct iovec *pieces, int count) {
  return (struct cursor){pieces, pieces + count, 0};
}

/* The buffer to go on with and its room; NULL: all are used up. */
static uint8_t *cursor_next(struct cursor *cursor, size_t *room) {
  while (cursor->piece < cursor->end && cursor->offset == cursor->piece->iov_len) {
    cursor->piece++;
    cursor->offset = 0;
  }
  if (cursor->piece == cursor->end) return NULL;
  *room = cursor->piece->iov_len - cursor->offset;
  return (uint8_t *)cursor->piece->iov_base + cursor->offset;
}

static size_t total_of(const struct iovec *pieces, int count) {
  size_t total = 0;
  for (int i = 0; i < count; i++) total += pieces[i].iov_len;
  return total;
}

static int may_wait(const struct socket *socket, int flags) {
  return !(flags & MSG_DONTWAIT) && !(socket->file.flags & O_NONBLOCK);
}

int socket_take_error(struct socket *socket) {
  if (socket->connection) return tcp_take_error(socket->connection);
  int error = socket->error;
  socket->error = 0;
  return error;
}

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

/* Copies what the stream holds into the buffers; the count, or the result of tcp_read if that is
 * nothing. `taken` bytes were copied before. */
static long drain_stream(struct socket *socket, struct cursor *cursor, size_t taken, int flags) {
  size_t room = 0, before = taken;
  uint8_t *buffer = cursor_next(cursor, &room);
  long result;
  do {
    result = flags & MSG_PEEK ? tcp_peek(socket->connection, taken, buffer, room)
                              : tcp_read(socket->connection, buffer, room);
    if (result <= 0) break;
    taken += (size_t)result;
    cursor->offset += (size_t)result;
  } while ((size_t)result == room && (buffer = cursor_next(cursor, &room)));
  return taken > before ? (long)(taken - before) : result;
}

static long receive_stream(struct socket *socket, const struct iovec *pieces, int count, int flags) {
  struct cursor cursor = cursor_of(pieces, count);
  size_t taken = 0, wanted = total_of(pieces, count);
  uint64_t deadline = socket_deadline(socket->receive_timeout_us);
  for (;;) {
    if (!socket->connection) return -ENOTCONN;
    if (tcp_connecting(socket->connection) && !may_wait(socket, flags)) return -EAGAIN;
    long result = drain_stream(socket, &cursor, taken, flags);
    if (result > 0) {
      taken += (size_t)result;
      if (!(flags & MSG_WAITALL) || (flags & MSG_PEEK) || taken == wanted) return (long)taken;
      continue; /* behind it may stand the end, of which nobody would tell again */
    }
    if (result != -EAGAIN) return taken ? (long)taken : result;
    if (socket->read_shut || socket->closed) return (long)taken;
    if (!may_wait(socket, flags) || !socket_wait(socket, FILE_READABLE, deadline)) {
      return taken ? (long)taken : -EAGAIN;
    }
  }
}

static long receive_datagram(struct socket *socket, const struct iovec *pieces, int count,
                             int *flags, struct sockaddr_in *from) {
  uint64_t deadline = socket_deadline(socket->receive_timeout_us);
  while (!socket->udp->first) {
    if (socket->error) return -socket_take_error(socket);
    if (socket->closed || socket->read_shut) return 0;
    if (!may_wait(socket, *flags) || !socket_wait(socket, FILE_READABLE, deadline)) return -EAGAIN;
  }
  int asked = *flags;
  struct udp_datagram *datagram = asked & MSG_PEEK ? socket->udp->first : udp_take(socket->udp);
  struct cursor cursor = cursor_of(pieces, count);
  size_t taken = 0, room;
  uint8_t *buffer;
  while (taken < datagram->length && (buffer = cursor_next(&cursor, &room))) {
    size_t length = datagram->length - taken < room ? datagram->length - taken : room;
    memcpy(buffer, datagram->bytes + taken, length);
    cursor.offset += length;
    taken += length;
  }
  *flags = taken < datagram->length ? MSG_TRUNC : 0;
  if (asked & MSG_TRUNC) taken = datagram->length;
  from->sin_addr.s_addr = datagram->source;
  from->sin_port = datagram->source_port;
  if (!(asked & MSG_PEEK)) udp_free(datagram);
  return (long)taken;
}

long socket_receive(struct socket *socket, const struct iovec *pieces, int count, int *flags,
                    struct sockaddr_in *from) {
  memset(from, 0, sizeof *from);
  if (*flags & MSG_OOB) return socket->type == SOCK_STREAM ? -EINVAL : -EOPNOTSUPP;
  if (*flags & ~(MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL)) return -EOPNOTSUPP;
  if (socket->type == SOCK_DGRAM) return receive_datagram(socket, pieces, count, flags, from);
  long result = receive_stream(socket, pieces, count, *flags);
  *flags = 0;
  return result;
}

static long send_stream(struct socket *socket, const struct iovec *pieces, int count, int flags) {
  struct cursor cursor = cursor_of(pieces, count);
  size_t taken = 0, wanted = total_of(pieces, count);
  uint64_t deadline = socket_deadline(socket->send_timeout_us);
  for (;;) {
    if (!socket->connection) return socket->listener ? -EPIPE : -ENOTCONN;
    size_t room = 0;
    uint8_t *buffer = cursor_next(&cursor, &room);
    int more = (flags & MSG_MORE) || socket->cork || taken + room < wanted;
    long result = tcp_write(socket->connection, buffer, room, more);
    if (result >= 0) {
      taken += (size_t)result;
      cursor.offset += (size_t)result;
      if (taken == wanted) return (long)taken;
      if ((size_t)result == room) continue;
    }
    if (result < 0 && result != -EAGAIN) return taken ? (long)taken : result;
    if (socket->closed) return taken ? (long)taken : -EBADF;
    if (!may_wait(socket, flags) || !socket_wait(socket, FILE_WRITABLE, deadline)) {
      if (!(flags & MSG_MORE) && !socket->cork) tcp_write(socket->connection, NULL, 0, 0);
      return taken ? (long)taken : -EAGAIN;
    }
  }
}

static long send_datagram(struct socket *socket, const struct iovec *pieces, int count,
                          const struct sockaddr_in *to) {
  if (socket->error) return -socket_take_error(socket);
  uint32_t address = to ? to->sin_addr.s_addr : socket->remote_address;
  uint16_t port = to ? to->sin_port : socket->remote_port;
  if (!to && !socket->connected) return -EDESTADDRREQ;
  if (port == 0) return -EINVAL;
  if (address == INADDR_ANY) address = htonl(INADDR_LOOPBACK);
  if (ipv4_is_broadcast(address) && !ipv4_is_multicast(address) && !socket->broadcast) {
    return -EACCES;
  }
  int error = socket_bind_any(socket);
  if (!error) error = udp_send(socket->udp, address, port, pieces, count);
  return error ? -error : (long)total_of(pieces, count);
}

long socket_send(struct socket *socket, const struct iovec *pieces, int count, int flags,
                 const struct sockaddr_in *to) {
  if (flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR)) return -EOPNOTSUPP;
  if (socket->type == SOCK_STREAM) return send_stream(socket, pieces, count, flags);
  if (socket->write_shut) return -EPIPE;
  return send_datagram(socket, pieces, count, to);
}
