/* See net.h. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

uint64_t net_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int close_with(int fd) {
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int net_bind(int type, unsigned port, int backlog) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int on = 1, fd = socket(AF_INET, type, 0);
  if (fd < 0) return -1;
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return close_with(fd);
  if (type == SOCK_STREAM && listen(fd, backlog) < 0) return close_with(fd);
  return fd;
}

unsigned net_port(int fd) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return 0;
  return ntohs(address.sin_port);
}

int net_resolve(const char *host, unsigned port, struct sockaddr_in *address, const char **why) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
  int error = getaddrinfo(host, NULL, &hints, &found);
  if (error) {
    *why = gai_strerror(error);
    return -1;
  }
  memcpy(address, found->ai_addr, sizeof *address);
  address->sin_port = htons((uint16_t)port);
  freeaddrinfo(found);
  return 0;
}

int net_connect(int type, const struct sockaddr_in *address) {
  int fd = socket(AF_INET, type, 0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) return close_with(fd);
  return fd;
}

void net_patience(int fd, unsigned milliseconds) {
  struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

int net_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

int net_write(int fd, const void *bytes, size_t length) {
  const char *at = bytes;
  while (length) {
    ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return -1;
    at += sent;
    length -= (size_t)sent;
  }
  return 0;
}

ssize_t net_read(int fd, void *bytes, size_t length) {
  char *at = bytes;
  while (length) {
    ssize_t got = recv(fd, at, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    at += got;
    length -= (size_t)got;
  }
  return at - (char *)bytes;
}
