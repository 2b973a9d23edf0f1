/* send, recv and their kin: all are sendmsg or recvmsg. */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "posix.h"

static ssize_t finish_count(struct socket *socket, long result) {
  socket_put(socket);
  return result < 0 ? posix_fail((int)-result) : result;
}

static int pieces_error(const struct iovec *pieces, size_t count) {
  if (count > IOV_MAX) return EMSGSIZE;
  if (count && !pieces) return EFAULT;
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    if (__builtin_add_overflow(total, pieces[i].iov_len, &total) || (ssize_t)total < 0) {
      return EINVAL;
    }
  }
  return 0;
}

/* 0: the ancillary data is such as may be ignored (sys/socket.h). */
static int control_error(const struct socket *socket, const struct msghdr *message) {
  if (!message->msg_controllen) return 0;
  if (!message->msg_control) return EFAULT;
  const struct cmsghdr *header = CMSG_FIRSTHDR(message);
  while (header) {
    size_t at = (size_t)((const char *)header - (const char *)message->msg_control);
    if (header->cmsg_len < sizeof *header || header->cmsg_len > message->msg_controllen - at) {
      return EINVAL;
    }
    /* These are for sockets of AF_UNIX. */
    int elsewhere = header->cmsg_type == SCM_RIGHTS || header->cmsg_type == SCM_CREDENTIALS;
    if (header->cmsg_level == SOL_SOCKET && !elsewhere) return EINVAL;
    if (header->cmsg_level == IPPROTO_IP && socket->type != SOCK_STREAM) return EINVAL;
    header = CMSG_NXTHDR(message, header);
  }
  return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  struct sockaddr_in to;
  int named = message->msg_name && socket->type != SOCK_STREAM;
  int error = pieces_error(message->msg_iov, message->msg_iovlen);
  if (!error) error = control_error(socket, message);
  if (!error && named) error = posix_load_address(message->msg_name, message->msg_namelen, &to);
  if (error) return finish_count(socket, -error);
  return finish_count(socket, socket_send(socket, message->msg_iov, (int)message->msg_iovlen, flags,
                                          named ? &to : NULL));
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  struct socket *socket = socket_get(fd);
  if (!socket) return -1;
  struct sockaddr_in from;
  int error = pieces_error(message->msg_iov, message->msg_iovlen);
  if (error) return finish_count(socket, -error);
  long result =
      socket_receive(socket, message->msg_iov, (int)message->msg_iovlen, &flags, &from);
  if (result >= 0) {
    message->msg_flags = flags;
    message->msg_controllen = 0;
    if (socket->type == SOCK_STREAM) {
      message->msg_namelen = 0;
    } else {
      posix_store_address(message->msg_name, &message->msg_namelen, from.sin_addr.s_addr,
                          from.sin_port);
    }
  }
  return finish_count(socket, result);
}

ssize_t sendto(int fd, const void *buffer, size_t length, int flags, const struct sockaddr *address,
               socklen_t address_length) {
  struct iovec piece = {(void *)buffer, length};
  struct msghdr message = {.msg_name = (void *)address,
                           .msg_namelen = address_length,
                           .msg_iov = &piece,
                           .msg_iovlen = 1};
  return sendmsg(fd, &message, flags);
}

ssize_t send(int fd, const void *buffer, size_t length, int flags) {
  return sendto(fd, buffer, length, flags, NULL, 0);
}

ssize_t recvfrom(int fd, void *buffer, size_t length, int flags, struct sockaddr *address,
                 socklen_t *address_length) {
  struct iovec piece = {buffer, length};
  struct msghdr message = {.msg_name = address_length ? address : NULL,
                           .msg_namelen = address_length ? *address_length : 0,
                           .msg_iov = &piece,
                           .msg_iovlen = 1};
  ssize_t result = recvmsg(fd, &message, flags);
  if (result >= 0 && address_length) *address_length = message.msg_namelen;
  return result;
}

ssize_t recv(int fd, void *buffer, size_t length, int flags) {
  return recvfrom(fd, buffer, length, flags, NULL, NULL);
}
