/* Arguments and results of the POSIX socket functions. */
#ifndef ILWACO_NET_POSIX_H
#define ILWACO_NET_POSIX_H

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "socket.h"

static inline int posix_fail(int error) {
  errno = error;
  return -1;
}

/* Lets go of the socket; -1 and errno if there was an error. */
static inline int posix_finish(struct socket *socket, int error) {
  socket_put(socket);
  return error ? posix_fail(error) : 0;
}

/* 0, EINVAL, EAFNOSUPPORT. */
static inline int posix_load_address(const struct sockaddr *address, socklen_t length,
                                     struct sockaddr_in *result) {
  if (!address || length < sizeof *result) return EINVAL;
  memcpy(result, address, sizeof *result);
  return result->sin_family == AF_INET ? 0 : EAFNOSUPPORT;
}

static inline void posix_store_address(struct sockaddr *address, socklen_t *length, uint32_t ip,
                                       uint16_t port) {
  if (!address || !length) return;
  struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = port, .sin_addr = {ip}};
  memcpy(address, &result, *length < sizeof result ? *length : sizeof result);
  *length = sizeof result;
}

#endif
