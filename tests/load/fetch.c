/*
 * Fetches a document of httpd again and again over one connection and checks every byte of it: load that
 * needs no host. Arguments: the server's address, bytes of the document, and how many milliseconds to go
 * on. Prints how many documents came in how many microseconds.
 */

#include <arpa/inet.h>
#include <ilwaco.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../guests/httpd/document.h"

enum { BUFFER_BYTES = 65536, CONNECT_TRIES = 100 };

static char buffer[BUFFER_BYTES], expected[BUFFER_BYTES];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_connection(const char *address) {
  struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(80)};
  if (inet_pton(AF_INET, address, &peer.sin_addr) != 1) fail(address);
  for (int i = 0; i < CONNECT_TRIES; i++) { /* the server may still be starting */
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0) fail("socket");
    if (connect(s, (struct sockaddr *)&peer, sizeof peer) == 0) return s;
    close(s);
    usleep(20000);
  }
  fail("connect");
  return -1;
}

static void check(uint64_t offset, const char *bytes, size_t length) {
  document_write(expected, offset, length);
  if (memcmp(expected, bytes, length)) {
    printf("bytes from %u on differ\n", (unsigned)offset);
    exit(1);
  }
}

static void fetch(int s, const char *request, uint64_t bytes) {
  if (send(s, request, strlen(request), 0) < 0) fail("send");
  size_t have = 0;
  char *body = NULL;
  while (!body) {
    ssize_t got = recv(s, buffer + have, sizeof buffer - 1 - have, 0);
    if (got <= 0) fail("recv");
    have += (size_t)got;
    buffer[have] = 0;
    body = strstr(buffer, "\r\n\r\n");
  }
  body += 4;
  size_t length = have - (size_t)(body - buffer);
  uint64_t done = 0;
  for (;;) {
    check(done, body, length);
    done += length;
    if (done == bytes) return;
    uint64_t left = bytes - done;
    ssize_t got = recv(s, buffer, left < sizeof buffer ? (size_t)left : sizeof buffer, 0);
    if (got <= 0) fail("recv");
    body = buffer;
    length = (size_t)got;
  }
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "expected an address, bytes and milliseconds\n");
    return 2;
  }
  uint64_t bytes = strtoul(argv[2], NULL, 10), limit = strtoul(argv[3], NULL, 10) * 1000;
  char request[128];
  snprintf(request, sizeof request, "GET /doc?bytes=%s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[2], argv[1]);
  int s = open_connection(argv[1]);
  fetch(s, request, bytes);
  uint64_t start = ilwaco_now_us(), passed = 0;
  unsigned count = 0;
  while (passed < limit) {
    fetch(s, request, bytes);
    count++;
    passed = ilwaco_now_us() - start;
  }
  printf("fetched %u in %u us\n", count, (unsigned)passed);
  return 0;
}
