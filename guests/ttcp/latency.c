/* See latency.h. */
#include "latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "pattern.h"
#include "wire.h"

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static int begin(uint64_t count, struct latency *result) {
  *result = (struct latency){.us = malloc((size_t)count * sizeof *result->us)};
  return result->us ? 0 : -1;
}

static int end(struct latency *result) {
  qsort(result->us, result->answered, sizeof *result->us, compare);
  return 0;
}

int latency_stream(int fd, uint64_t count, uint32_t length, uint8_t *buffer,
                   struct latency *result) {
  if (begin(count, result) < 0) return -1;
  for (uint32_t i = 0; i < count; i++) {
    pattern_write(buffer, i, 0, length);
    uint64_t start = net_now_us();
    if (net_write(fd, buffer, length) < 0) return -1;
    ssize_t got = net_read(fd, buffer, length);
    if (got >= 0 && got < (ssize_t)length) errno = ECONNRESET;
    if (got < (ssize_t)length) return -1;
    result->us[result->answered++] = (uint32_t)(net_now_us() - start);
    result->wrong += pattern_wrong(buffer, i, 0, length);
  }
  return end(result);
}

/* 1: the answer to `number` has come; 0: it has not, within a second; -1. */
static int await(int fd, uint32_t number, uint32_t length, uint8_t *buffer) {
  uint64_t deadline = net_now_us() + 1000000;
  struct datagram header;
  while (net_now_us() < deadline) {
    ssize_t got = recv(fd, buffer, UDP_LENGTH_MAXIMUM, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNREFUSED)) continue;
    if (got < 0) return -1;
    if ((size_t)got != length) continue;
    memcpy(&header, buffer, sizeof header);
    if (ntohl(header.magic) == WIRE_MAGIC && ntohl(header.number) == number) return 1;
  }
  return 0;
}

int latency_datagrams(int fd, uint64_t count, uint32_t length, uint8_t *buffer,
                      struct latency *result) {
  if (begin(count, result) < 0) return -1;
  net_patience(fd, 1000);
  for (uint32_t i = 0; i < count; i++) {
    struct datagram header = {htonl(WIRE_MAGIC), htonl(KIND_DATA), htonl(i), htonl(length)};
    memcpy(buffer, &header, sizeof header);
    pattern_write(buffer + sizeof header, i, 0, length - sizeof header);
    uint64_t start = net_now_us();
    if (send(fd, buffer, length, MSG_NOSIGNAL) < 0 && errno != ECONNREFUSED) return -1;
    int answered = await(fd, i, length, buffer);
    if (answered < 0) return -1;
    if (!answered) {
      result->lost++;
      continue;
    }
    result->us[result->answered++] = (uint32_t)(net_now_us() - start);
    result->wrong += pattern_wrong(buffer + sizeof header, i, 0, length - sizeof header);
  }
  return end(result);
}
