/* TCP data; see transfer.h. */
#include <errno.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "pattern.h"
#include "transfer.h"

int stream_send(int fd, const struct plan *plan, uint8_t *buffer, struct tally *tally) {
  uint64_t start = net_now_us(), end = start + (uint64_t)plan->milliseconds * 1000;
  pattern_write(buffer, 0, 0, plan->length);
  while (!plan->count || tally->bytes < plan->count) {
    uint64_t left = plan->count ? plan->count - tally->bytes : plan->length;
    size_t length = left < plan->length ? (size_t)left : plan->length;
    if (plan->verify) pattern_write(buffer, 0, tally->bytes, length);
    if (net_write(fd, buffer, length) < 0) return -1;
    tally->bytes += length;
    if (plan->milliseconds && net_now_us() >= end) break;
  }
  tally->us = net_now_us() - start;
  return shutdown(fd, SHUT_WR);
}

int stream_receive(int fd, const struct plan *plan, uint8_t *buffer, struct tally *tally) {
  uint64_t start = 0;
  for (;;) {
    ssize_t got = recv(fd, buffer, plan->length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (!start) start = net_now_us();
    if (got == 0) break;
    if (plan->verify) tally->wrong += pattern_wrong(buffer, 0, tally->bytes, (size_t)got);
    tally->bytes += (uint64_t)got;
  }
  tally->us = net_now_us() - start;
  return 0;
}
