/*
 * httpd: a small HTTP/1.1 server.
 *
 *   /              this VM's name, id, address, uptime and number of requests
 *   /doc?bytes=N   N bytes that a client can check (document.h)
 *   /burn?ms=N     uses the CPU for N milliseconds
 *   /crash         stores through a null pointer
 *
 * One thread and one loop around poll(): an idle server touches few pages, and a connection that waits
 * costs its structures and no stack. Boot settings: port (80), connections (most at once; by default a
 * quarter of the memory at 8 KiB each).
 */
#include <errno.h>
#include <ilwaco.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"

enum { BACKLOG = 256, CONNECTIONS_FIRST = 8, BYTES_PER_CONNECTION = 8192, ACCEPTS_PER_TURN = 64 };

static struct connection *connections;
static struct pollfd *polls; /* [0]: the listening socket; [i + 1]: connections[i] */
static unsigned count, capacity, maximum;

static unsigned setting(const char *name, unsigned fallback) {
  const char *text = ilwaco_setting(name);
  unsigned long value = text ? strtoul(text, NULL, 10) : 0;
  return value ? (unsigned)value : fallback;
}

static int reserve(unsigned wanted) {
  if (wanted <= capacity) return 1;
  unsigned larger = capacity ? capacity * 2 : CONNECTIONS_FIRST;
  struct pollfd *more_polls = realloc(polls, (larger + 1) * sizeof *polls);
  if (!more_polls) return 0;
  polls = more_polls;
  struct connection *more = realloc(connections, larger * sizeof *connections);
  if (!more) return 0;
  connections = more;
  capacity = larger;
  return 1;
}

static int open_listener(unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  return listen(fd, BACKLOG) < 0 ? -1 : fd;
}

static void remove_at(unsigned index) {
  connection_close(&connections[index]);
  count--;
  connections[index] = connections[count];
  polls[index + 1] = polls[count + 1];
}

/* Goes on with a connection; 0: it is gone and another one stands in its place. */
static int step(unsigned index, uint64_t now) {
  if (!connection_step(&connections[index], now)) {
    remove_at(index);
    return 0;
  }
  polls[index + 1].events = connection_events(&connections[index]);
  return 1;
}

static void accept_all(int listener, uint64_t now) {
  for (int i = 0; i < ACCEPTS_PER_TURN && count < maximum && reserve(count + 1); i++) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    connection_init(&connections[count], fd, now);
    polls[count + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
    step(count++, now); /* the request has often come with the connection */
  }
}

static void expire(unsigned index) {
  connection_timeout(&connections[index]);
  remove_at(index);
}

/* Milliseconds until the next deadline, at least one; -1: there is none. */
static int patience(uint64_t now) {
  uint64_t next = UINT64_MAX;
  for (unsigned i = 0; i < count; i++) {
    if (connections[i].deadline < next) next = connections[i].deadline;
  }
  if (next == UINT64_MAX) return -1;
  return next <= now ? 1 : (int)((next - now) / 1000) + 1;
}

static void serve(int listener) {
  uint64_t now = ilwaco_now_us();
  for (;;) {
    polls[0] = (struct pollfd){.fd = listener, .events = count < maximum ? POLLIN : 0};
    if (poll(polls, count + 1, patience(now)) < 0) return;
    now = ilwaco_now_us();
    for (unsigned i = 0; i < count;) {
      if (polls[i + 1].revents && !step(i, now)) continue;
      if (connections[i].deadline <= now) {
        expire(i);
        continue;
      }
      i++;
    }
    if (polls[0].revents) accept_all(listener, now);
  }
}

int main(void) {
  unsigned port = setting("port", 80);
  maximum = setting("connections", DENALI_REGISTERS->memory_size / 4 / BYTES_PER_CONNECTION);
  int listener = reserve(1) ? open_listener(port) : -1;
  if (listener < 0) {
    fprintf(stderr, "httpd: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  printf("httpd: listening on port %u\n", port);
  fflush(stdout);
  serve(listener);
  fprintf(stderr, "httpd: poll: %s\n", strerror(errno));
  return 1;
}
