/* UDP data; see transfer.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../common/net.h"
#include "pattern.h"
#include "transfer.h"

/* A datagram is new if it is among the last WINDOW numbers and was not seen: a map of bits. */
enum { WINDOW = 8192, HEADER = sizeof(struct datagram) };

struct seen {
  uint32_t next; /* one more than the greatest number */
  uint32_t bits[WINDOW / 32];
};

static int is_set(const struct seen *seen, uint32_t number) {
  return seen->bits[number % WINDOW / 32] >> number % 32 & 1;
}

static void note(struct seen *seen, uint32_t number, struct tally *tally) {
  if (number >= seen->next) {
    uint32_t gap = number - seen->next;
    if (gap >= WINDOW) memset(seen->bits, 0, sizeof seen->bits);
    for (uint32_t n = seen->next; gap < WINDOW && n < number; n++) {
      seen->bits[n % WINDOW / 32] &= ~(1u << n % 32);
    }
    seen->next = number + 1;
  } else if (seen->next - number > WINDOW || is_set(seen, number)) {
    tally->duplicates++;
    return;
  } else {
    tally->reordered++;
  }
  seen->bits[number % WINDOW / 32] |= 1u << number % 32;
  tally->datagrams++;
}

static void sleep_us(uint64_t us) {
  struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
  nanosleep(&time, NULL);
}

int datagrams_send(int udp, int tcp, const struct plan *plan, uint8_t *buffer,
                   struct tally *tally) {
  uint64_t start = net_now_us(), end = start + (uint64_t)plan->milliseconds * 1000;
  pattern_write(buffer, 0, 0, plan->length);
  while (!plan->count || tally->bytes < plan->count) {
    struct datagram header = {htonl(WIRE_MAGIC), htonl(KIND_DATA), htonl(tally->datagrams),
                              htonl(plan->length)};
    memcpy(buffer, &header, HEADER);
    if (plan->verify) pattern_write(buffer + HEADER, tally->datagrams, 0, plan->length - HEADER);
    /* ECONNREFUSED tells of a former datagram; ENOBUFS and EAGAIN are a full queue: lost, as on a wire. */
    ssize_t sent = send(udp, buffer, plan->length, MSG_NOSIGNAL);
    if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) return -1;
    tally->datagrams++;
    tally->bytes += plan->length;
    uint64_t now = net_now_us();
    if (plan->milliseconds && now >= end) break;
    if (!plan->kilobits) continue;
    uint64_t due = start + tally->bytes * 8000 / plan->kilobits;
    if (due > now) sleep_us(due - now);
  }
  tally->us = net_now_us() - start;
  uint32_t number = htonl(tally->datagrams);
  return net_write(tcp, &number, sizeof number);
}

static void take(const uint8_t *bytes, size_t length, const struct plan *plan, struct seen *seen,
                 struct tally *tally) {
  struct datagram header;
  if (length < HEADER) return;
  memcpy(&header, bytes, HEADER);
  if (ntohl(header.magic) != WIRE_MAGIC || ntohl(header.kind) != KIND_DATA) return;
  if (ntohl(header.length) != length) {
    tally->wrong += length;
    return;
  }
  uint32_t number = ntohl(header.number), before = tally->duplicates;
  note(seen, number, tally);
  if (tally->duplicates != before) return;
  tally->bytes += length;
  if (plan->verify) tally->wrong += pattern_wrong(bytes + HEADER, number, 0, length - HEADER);
}

int datagrams_receive(int udp, int tcp, const struct plan *plan, uint8_t *buffer,
                      struct tally *tally) {
  struct seen *seen = calloc(1, sizeof *seen);
  struct pollfd polls[2] = {{.fd = udp, .events = POLLIN}, {.fd = tcp, .events = POLLIN}};
  uint64_t first = 0, last = 0;
  int told = 0, result = 0;
  if (!seen) return -1;
  while (!told || tally->datagrams < tally->sent) {
    int ready = poll(polls, 2, told ? DRAIN_MS : 30000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      if (!told) errno = ETIMEDOUT, result = -1;
      break;
    }
    for (int i = 0; polls[0].revents && i < 64; i++) {
      ssize_t got = recv(udp, buffer, UDP_LENGTH_MAXIMUM, MSG_DONTWAIT);
      if (got < 0) break;
      take(buffer, (size_t)got, plan, seen, tally);
      last = net_now_us();
      if (!first) first = last;
    }
    if (!polls[1].revents) continue;
    uint32_t number;
    if (net_read(tcp, &number, sizeof number) != sizeof number) {
      errno = ECONNRESET;
      result = -1;
      break;
    }
    told = 1;
    tally->sent = ntohl(number);
    polls[1].fd = -1;
  }
  tally->us = last - first;
  free(seen);
  return result;
}
