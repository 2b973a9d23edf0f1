/*
 * httpd: a small HTTP/1.1 server.
 *
 *   /              this VM's name, id, address, uptime and number of requests
 *   /doc?bytes=N   N bytes that a client can check (document.h)
 *   /burn?ms=N     uses the CPU for N milliseconds
 *   /crash         stores through a null pointer
 *   /...           files of a disk made by `tar`, or on Linux of a folder (site.h); / is then its
 *                  index.html, if it has one
 *
 * One thread and one loop around epoll: an idle server touches few pages, and a connection that waits
 * costs its structures and no stack. Settings, at boot or in the environment: port (80; 0: any),
 * connections (most at once; by default a quarter of the memory at 1.5 KiB each), and milliseconds of
 * patience: request_ms (10000) from the first byte of a request to its last, idle_ms (60000) between
 * requests, write_ms (30000) for a client to take some more of an answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "connection.h"
#include "machine.h"
#include "site.h"
#include "table.h"

enum { BACKLOG = 1024, BYTES_PER_CONNECTION = 1536 };

static unsigned setting(const char *name, unsigned fallback) {
  const char *text = getenv(name);
  return text && *text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

int main(void) {
  struct machine machine;
  machine_describe(&machine);
  machine_uptime_us();
  unsigned maximum = setting("connections", (unsigned)(machine.memory / 4 / BYTES_PER_CONNECTION));
  struct patience patience = {.request_us = setting("request_ms", 10000) * 1000ull,
                              .idle_us = setting("idle_ms", 60000) * 1000ull,
                              .write_us = setting("write_ms", 30000) * 1000ull};
  connection_set_patience(&patience);
  unsigned port = setting("port", 80);
  if (site_open() < 0) return 1;
  int listener = net_bind(SOCK_STREAM, port, BACKLOG);
  if (listener < 0 || net_nonblocking(listener) < 0) {
    fprintf(stderr, "httpd: cannot listen on port %u: %s\n", port, strerror(errno));
    return 1;
  }
  printf("httpd: listening on port %u\n", net_port(listener));
  fflush(stdout);
  table_serve(listener, maximum);
  fprintf(stderr, "httpd: epoll: %s\n", strerror(errno));
  return 1;
}
