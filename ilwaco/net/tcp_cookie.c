/*
 * SYN cookies (Bernstein 1996; RFC 4987 section 3.6): when a flood has filled the table of requests, a
 * SYN is answered without keeping anything. What must be known later travels in the SYN-ACK and comes
 * back with the third step:
 *
 *   sequence number    31..27 minute-like counter | 26..24 index of the MSS | 23..0 keyed hash of both,
 *                      of the endpoints and of the peer's sequence number
 *   timestamp          the six lowest bits: SACK permitted, window scale present, window scale
 *
 * A peer without timestamps gets neither window scaling nor SACK. A guess at the 24 bits is right once in
 * sixteen million tries per counter value that is accepted.
 */
#include "hash.h"
#include "network.h"
#include "tcp_request.h"
#include "wire.h"

#define PERIOD_US (64 * 1000000ull)
enum { PERIODS_ACCEPTED = 2, PERIOD_MASK = 31, MSS_SHIFT = 24, PERIOD_SHIFT = 27 };
enum { OPTION_BITS = 6, SCALE_MASK = 15, HAS_SCALE = 16, HAS_SACK = 32 };

static const uint16_t sizes[8] = {64, 256, 536, 1024, 1220, 1340, 1420, 1460};

static unsigned size_index(uint16_t mss) {
  unsigned index = 7;
  while (index && sizes[index] > mss) index--;
  return index;
}

static uint32_t period_now(void) { return (uint32_t)(network_now() / PERIOD_US); }

static uint32_t seal(const struct tcp_endpoints *at, uint32_t irs, uint32_t period, unsigned size) {
  uint32_t ends = hash_three(at->remote_address, at->local_address,
                             (uint32_t)at->remote_port << 16 | at->local_port);
  return hash_three(ends, irs, 0x434f4f4b ^ period << 3 ^ size) & 0xffffff;
}

uint32_t tcp_cookie_make(const struct tcp_request *request) {
  uint32_t period = period_now();
  unsigned size = size_index(request->mss);
  return (period & PERIOD_MASK) << PERIOD_SHIFT | size << MSS_SHIFT |
         seal(&request->at, request->irs, period, size);
}

uint32_t tcp_cookie_timestamp(const struct tcp_request *request) {
  uint32_t now = (uint32_t)(network_now() / 1000);
  uint32_t bits = request->has_scale ? HAS_SCALE | (request->scale & SCALE_MASK) : 0;
  if (request->sack) bits |= HAS_SACK;
  uint32_t stamp = now >> OPTION_BITS << OPTION_BITS | bits;
  return seq_after(stamp, now) ? stamp - (1u << OPTION_BITS) : stamp; /* time must not go back later */
}

int tcp_cookie_take(struct tcp_request *request, const struct tcp_endpoints *at,
                    const struct tcp_segment *segment) {
  uint32_t cookie = segment->acknowledgement - 1, irs = segment->sequence - 1;
  unsigned size = cookie >> MSS_SHIFT & 7;
  uint32_t now = period_now(), period = now;
  while (((period ^ cookie >> PERIOD_SHIFT) & PERIOD_MASK) != 0) {
    if (now - period == PERIODS_ACCEPTED - 1) return 0;
    period--;
  }
  if (seal(at, irs, period, size) != (cookie & 0xffffff)) return 0;
  uint32_t bits = segment->options.has_timestamp ? segment->options.timestamp_echo : 0;
  *request = (struct tcp_request){.at = *at,
                                  .irs = irs,
                                  .iss = cookie,
                                  .ts_recent = segment->options.timestamp,
                                  .mss = sizes[size],
                                  .scale = bits & SCALE_MASK,
                                  .has_scale = (bits & HAS_SCALE) != 0,
                                  .sack = (bits & HAS_SACK) != 0,
                                  .timestamps = segment->options.has_timestamp};
  if (request->scale > 14) request->scale = 14;
  return 1;
}
