/*
 * kvd: keys and values by the protocol of Redis, kept on a disk.
 *
 * Settings, at boot or in the environment: port (6379; 0: any), disk (name of the disk for the log; by
 * default the first one there is, and without one nothing is kept), appendfsync (always, everysec, no;
 * everysec), maxmemory (bytes; half of the memory).
 *
 * One thread and one loop around epoll. In each turn the commands of all clients that have sent some are
 * run, then the log is flushed once if it has to be, and only then their answers are sent: with
 * appendfsync always, what was answered is durable, and a flush is shared by all clients of a turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/net.h"
#include "client.h"
#include "database.h"
#include "memory.h"
#include "persist.h"
#include "server.h"

#if __has_include(<ilwaco.h>) && !defined DENALI_NATIVE
#include <ilwaco.h>
#define MACHINE_MEMORY DENALI_REGISTERS->memory_size
#else
#define MACHINE_MEMORY (1u << 30)
#endif

enum { BACKLOG = 256, CLIENTS_MAXIMUM = 10000, EVENTS = 64, ACCEPTS = 64 };

static int epoll;
static struct client *busy; /* what has been run for them is to be sent */

static void make_busy(struct client *client) {
  if (client->busy) return;
  client->busy = 1;
  client->next_busy = busy;
  busy = client;
}

static void drop(struct client *client) {
  client_close(client);
  memory_free(client);
  server_clients--;
}

static void accept_all(int listener) {
  for (int i = 0; i < ACCEPTS; i++) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (server_clients >= CLIENTS_MAXIMUM || !memory_allows(sizeof(struct client))) {
      static const char full[] = "-ERR max number of clients reached\r\n";
      send(fd, full, sizeof full - 1, MSG_NOSIGNAL);
      close(fd);
      continue;
    }
    struct client *client = memory_get(sizeof *client);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client_init(client, fd);
    server_clients++;
    totals.connections++;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) drop(client);
  }
}

/* Sends the answers of this turn. */
static void settle(void) {
  int told = persist_commit();
  struct client *list = busy;
  busy = NULL;
  while (list) {
    struct client *client = list;
    int wrote = client->writes;
    list = client->next_busy;
    client->busy = 0;
    /* What could not be kept is not told to be: the client finds its connection closed. */
    if (!told || !client_write(client)) {
      drop(client);
      continue;
    }
    if (client->writes != wrote) {
      struct epoll_event event = {.events = client->writes ? EPOLLOUT : EPOLLIN, .data.ptr = client};
      epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
    }
    if (!client->writes && client_run(client)) make_busy(client);
    if ((client->reply.used || client->reply.lost) && !client->writes) make_busy(client);
  }
}

static int soonest(int a, int b) { return a < 0 ? b : b < 0 || a < b ? a : b; }

static void serve(int listener) {
  struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll = epoll_create1(0);
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) return;
  for (;;) {
    int wait = soonest(database_tidy(), persist_tidy(database_now()));
    int ready = epoll_wait(epoll, events, EVENTS, busy ? 0 : wait);
    if (ready < 0 && errno != EINTR) return;
    int knock = 0;
    for (int i = 0; i < ready; i++) {
      struct client *client = events[i].data.ptr;
      if (!client) {
        knock = 1;
      } else if (client->writes || client->busy) {
        make_busy(client);
      } else if (!client_read(client)) {
        drop(client);
      } else {
        client_run(client);
        make_busy(client);
      }
    }
    settle();
    if (knock) accept_all(listener);
  }
}

static int read_settings(void) {
  const char *flush = getenv("appendfsync"), *maximum = getenv("maxmemory");
  memory_limit = MACHINE_MEMORY / 2;
  if (maximum) memory_limit = strtoul(maximum, NULL, 10);
  if (flush && !server_set_flush(flush, strlen(flush))) {
    fprintf(stderr, "kvd: appendfsync is always, everysec or no, not %s\n", flush);
    return 0;
  }
  return 1;
}

int main(void) {
  const char *port = getenv("port");
  if (!read_settings()) return 2;
  server_started = database_now();
  database_init();
  if (persist_open(getenv("disk")) < 0) return 1;
  server_port = port ? (unsigned)strtoul(port, NULL, 10) : 6379;
  int listener = net_bind(SOCK_STREAM, server_port, BACKLOG);
  if (listener < 0 || net_nonblocking(listener) < 0) {
    fprintf(stderr, "kvd: cannot listen on port %u: %s\n", server_port, strerror(errno));
    return 1;
  }
  server_port = net_port(listener);
  printf("kvd: listening on port %u\n", server_port);
  fflush(stdout);
  serve(listener);
  fprintf(stderr, "kvd: epoll: %s\n", strerror(errno));
  return 1;
}
