/*
 * httpd: a small HTTP/1.1 server.
 *
 *   /              this VM's name, id, address, uptime and number of requests
 *   /doc?bytes=N   N bytes that a client can check (document.h)
 *   /burn?ms=N     uses the CPU for N milliseconds
 *   /crash         stores through a null pointer
 *
 * One thread and one loop around poll(): an idle server touches few pages, and a connection that waits
 * costs its structures and no stack. Settings, at boot or in the environment: port (80; 0: any),
 * connections (most at once; by default a quarter of the memory at 1.5 KiB each), and milliseconds of
 * patience: request_ms (10000) from the first byte of a request to its last, idle_ms (60000) between
 * requests, write_ms (30000) for a client to take some more of an answer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/net.h"
#include "connection.h"
#include "machine.h"

enum { BACKLOG = 256, CONNECTIONS_FIRST = 8, BYTES_PER_CONNECTION = 1536, ACCEPTS_PER_TURN = 64 };

static struct connection *connections;
static struct pollfd *polls; /* [0]: the listening socket; [i + 1]: connections[i] */
static unsigned count, capacity, maximum;

static unsigned setting(const char *name, unsigned fallback) {
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
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
  uint64_t now = net_now_us();
  for (;;) {
    polls[0] = (struct pollfd){.fd = listener, .events = count < maximum ? POLLIN : 0};
    if (poll(polls, count + 1, patience(now)) < 0) return;
    now = net_now_us();
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
  struct machine machine;
  machine_describe(&machine);
  machine_uptime_us();
  maximum = setting("connections", (unsigned)(machine.memory / 4 / BYTES_PER_CONNECTION));
  struct patience patience = {.request_us = setting("request_ms", 10000) * 1000ull,
                              .idle_us = setting("idle_ms", 60000) * 1000ull,
                              .write_us = setting("write_ms", 30000) * 1000ull};
  connection_set_patience(&patience);
  unsigned port = setting("port", 80);
  int listener = reserve(1) ? net_bind(SOCK_STREAM, port, BACKLOG) : -1;
  if (listener < 0 || net_nonblocking(listener) < 0) {
    fprintf(stderr, "httpd: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  printf("httpd: listening on port %u\n", net_port(listener));
  fflush(stdout);
  serve(listener);
  fprintf(stderr, "httpd: poll: %s\n", strerror(errno));
  return 1;
}
