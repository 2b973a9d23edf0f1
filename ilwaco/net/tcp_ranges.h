/*
 * A small sorted set of sequence ranges: what came out of order, or what the peer has reported by SACK.
 */
#ifndef ILWACO_NET_TCP_RANGES_H
#define ILWACO_NET_TCP_RANGES_H

#include <stdint.h>

enum { TCP_RANGES_MAXIMUM = 16 };

struct tcp_range {
  uint32_t start, end; /* [start, end) */
};

struct tcp_ranges {
  uint32_t count;
  struct tcp_range range[TCP_RANGES_MAXIMUM]; /* ascending, disjoint, not adjacent */
};

static inline int seq_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline int seq_after(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }
static inline uint32_t seq_max(uint32_t a, uint32_t b) { return seq_after(a, b) ? a : b; }
static inline uint32_t seq_min(uint32_t a, uint32_t b) { return seq_before(a, b) ? a : b; }

/* Joins [start, end) to the set; 0: it touches none and there is no room for another. */
int tcp_ranges_add(struct tcp_ranges *set, uint32_t start, uint32_t end);

/* Forgets everything below `sequence`. */
void tcp_ranges_trim(struct tcp_ranges *set, uint32_t sequence);

/* Whether all of [start, end) is in the set. */
int tcp_ranges_contain(const struct tcp_ranges *set, uint32_t start, uint32_t end);

#endif
