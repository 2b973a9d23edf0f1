/* Round-trip times of requests that are answered one by one. */
#ifndef TTCP_LATENCY_H
#define TTCP_LATENCY_H

#include <stdint.h>

struct latency {
  uint32_t *us; /* one for each answer; sorted at the end */
  uint32_t answered, lost;
  uint64_t wrong;
};

enum { LATENCY_MAXIMUM = 1000000 };

/* 0, or -1 with errno. The caller frees `us` in any case. A datagram that is not answered within a
 * second is lost. */
int latency_stream(int fd, uint64_t count, uint32_t length, uint8_t *buffer, struct latency *result);
int latency_datagrams(int fd, uint64_t count, uint32_t length, uint8_t *buffer,
                      struct latency *result);

#endif
