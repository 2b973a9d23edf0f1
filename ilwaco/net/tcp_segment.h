/* A received TCP segment, taken apart; and the options of those sent. All values in host order. */
#ifndef ILWACO_NET_TCP_SEGMENT_H
#define ILWACO_NET_TCP_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "tcp_ranges.h"

enum { TCP_SACK_BLOCKS = 4, TCP_MSS_DEFAULT = 536, TCP_MSS_MINIMUM = 64, TCP_TIMESTAMP_BYTES = 12 };

struct tcp_options {
  uint16_t mss; /* 0: absent */
  uint8_t scale;
  uint8_t sack_count;
  unsigned has_scale : 1;
  unsigned has_timestamp : 1;
  unsigned sack_permitted : 1;
  uint32_t timestamp, timestamp_echo;
  struct tcp_range sack[TCP_SACK_BLOCKS];
};

struct tcp_segment {
  uint32_t sequence, acknowledgement;
  uint16_t window; /* as on the wire, not scaled */
  uint8_t flags;
  const uint8_t *data;
  uint32_t length;
  struct tcp_options options;
};

/* Sequence numbers the segment takes. */
static inline uint32_t tcp_segment_span(const struct tcp_segment *segment) {
  return segment->length + ((segment->flags & 2) != 0) + (segment->flags & 1);
}

/* 0: the header is broken. `bytes` holds header, options and payload. */
int tcp_segment_parse(const uint8_t *bytes, size_t length, struct tcp_segment *segment);

/* Writes the options, padded to whole words; returns how many bytes. At most 40 bytes are needed. */
size_t tcp_options_write(uint8_t *bytes, const struct tcp_options *options);

#endif
