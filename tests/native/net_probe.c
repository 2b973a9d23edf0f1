/*
 * A guest that uses its network as a client: connects to an echo server at the setting `server` (port
 * 7007), to itself, to closed ports and to an address that nobody has. Prints "ok WHAT" per check, or
 * "FAILED WHAT: errno", and "done".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ilwaco.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { BIG = 1 << 20 };

static void check(const char *what, int held) {
  printf(held ? "ok %s\n" : "FAILED %s: errno %d\n", what, errno);
}

static struct sockaddr_in address_of(const char *host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

static int dial(const char *host, unsigned port) {
  struct sockaddr_in address = address_of(host, port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/* Sends without blocking and reads by poll(), closes its half, and compares what comes back. */
static int echo_big(int fd) {
  unsigned char *sent = malloc(BIG), *got = malloc(BIG);
  size_t out = 0, in = 0;
  for (size_t i = 0; i < BIG; i++) sent[i] = (unsigned char)(i * 31 + (i >> 8));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  while (in < BIG) {
    struct pollfd entry = {fd, (short)(out < BIG ? POLLIN | POLLOUT : POLLIN), 0};
    if (poll(&entry, 1, 10000) <= 0) break;
    if (entry.revents & POLLOUT && out < BIG) {
      ssize_t n = send(fd, sent + out, BIG - out, 0);
      if (n > 0) out += (size_t)n;
      if (out == BIG) shutdown(fd, SHUT_WR);
    }
    if (entry.revents & (POLLIN | POLLHUP)) {
      ssize_t n = recv(fd, got + in, BIG - in, 0);
      if (n > 0) in += (size_t)n;
      if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    }
  }
  int same = in == BIG && memcmp(sent, got, BIG) == 0;
  struct pollfd end = {fd, POLLIN, 0};
  char byte;
  int ended = poll(&end, 1, 5000) == 1 && recv(fd, &byte, 1, 0) == 0;
  free(sent);
  free(got);
  return same && ended;
}

static int connect_without_blocking(const char *host) {
  struct sockaddr_in address = address_of(host, 7007);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != -1 || errno != EINPROGRESS) {
    return 0;
  }
  fd_set writable;
  FD_ZERO(&writable);
  FD_SET(fd, &writable);
  struct timeval patience = {.tv_sec = 5};
  int ready = select(fd + 1, NULL, &writable, NULL, &patience);
  int error = -1;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  int held = ready == 1 && FD_ISSET(fd, &writable) && error == 0;
  close(fd);
  return held;
}

static int receive_times_out(int fd) {
  struct timeval patience = {.tv_usec = 50000};
  char byte;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN;
}

/* A connection from this host to itself, accepted by the same thread. */
static int talk_to_self(const char *host) {
  struct sockaddr_in address = address_of("0.0.0.0", 0);
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr *)&address, sizeof address);
  listen(listener, 5);
  getsockname(listener, (struct sockaddr *)&address, &length);
  int client = dial(host, ntohs(address.sin_port));
  int server = accept(listener, NULL, NULL);
  char text[6] = "";
  int held = client >= 0 && server >= 0 && write(client, "hello", 5) == 5 &&
             recv(server, text, 5, MSG_WAITALL) == 5 && strcmp(text, "hello") == 0;
  close(client);
  held = held && read(server, text, 1) == 0;
  close(server);
  close(listener);
  return held;
}

int main(void) {
  const char *server = ilwaco_setting("server");
  int fd = dial(server, 7007);
  check("connect", fd >= 0);
  check("a receive that times out", receive_times_out(fd));
  check("a megabyte there and back, and the end", echo_big(fd));
  close(fd);
  check("connect without blocking", connect_without_blocking(server));
  check("a closed port refuses", dial(server, 1) == -1 && errno == ECONNREFUSED);
  check("talk to itself", talk_to_self("127.0.0.1"));
  check("an own closed port refuses", dial("127.0.0.1", 1) == -1 && errno == ECONNREFUSED);
  check("a host that is not there", dial("10.9.0.77", 1) == -1 && errno == EHOSTUNREACH);
  check("a closed descriptor", send(fd, "x", 1, 0) == -1 && errno == EBADF);
  check("no socket", send(1, "x", 1, 0) == -1 && errno == ENOTSOCK);
  printf("done\n");
  return 0;
}
