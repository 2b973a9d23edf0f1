/* TCP headers and options (RFC 9293 section 3.1, RFC 7323, RFC 2018). */
#include "tcp_segment.h"

#include <string.h>

#include "wire.h"

enum {
  OPTION_END = 0,
  OPTION_NOTHING = 1,
  OPTION_MSS = 2,
  OPTION_SCALE = 3,
  OPTION_SACK_PERMITTED = 4,
  OPTION_SACK = 5,
  OPTION_TIMESTAMP = 8,
};
enum { SCALE_MAXIMUM = 14 };

static uint32_t load32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint8_t *store32(uint8_t *bytes, uint32_t value) {
  value = swap32(value);
  memcpy(bytes, &value, 4);
  return bytes + 4;
}

static void parse_sack(const uint8_t *value, unsigned length, struct tcp_options *options) {
  for (unsigned at = 0; at + 8 <= length && options->sack_count < TCP_SACK_BLOCKS; at += 8) {
    struct tcp_range *block = &options->sack[options->sack_count++];
    block->start = load32(value + at);
    block->end = load32(value + at + 4);
  }
}

static void parse_option(uint8_t kind, const uint8_t *value, unsigned length,
                         struct tcp_options *options) {
  switch (kind) {
    case OPTION_MSS:
      if (length == 2) options->mss = (uint16_t)(value[0] << 8 | value[1]);
      break;
    case OPTION_SCALE:
      if (length != 1) break;
      options->has_scale = 1;
      options->scale = value[0] > SCALE_MAXIMUM ? SCALE_MAXIMUM : value[0];
      break;
    case OPTION_SACK_PERMITTED:
      options->sack_permitted = length == 0;
      break;
    case OPTION_SACK:
      parse_sack(value, length, options);
      break;
    case OPTION_TIMESTAMP:
      if (length != 8) break;
      options->has_timestamp = 1;
      options->timestamp = load32(value);
      options->timestamp_echo = load32(value + 4);
      break;
    default:
      break;
  }
}

int tcp_segment_parse(const uint8_t *bytes, size_t length, struct tcp_segment *segment) {
  const struct tcp_header *header = (const struct tcp_header *)bytes;
  if (length < sizeof *header) return 0;
  size_t offset = (header->data_offset >> 4) * 4u;
  if (offset < sizeof *header || offset > length) return 0;
  memset(&segment->options, 0, sizeof segment->options);
  segment->sequence = swap32(header->sequence);
  segment->acknowledgement = swap32(header->acknowledgement);
  segment->window = swap16(header->window);
  segment->flags = header->flags;
  segment->data = bytes + offset;
  segment->length = (uint32_t)(length - offset);
  for (size_t at = sizeof *header; at < offset && bytes[at] != OPTION_END;) {
    if (bytes[at] == OPTION_NOTHING) {
      at++;
      continue;
    }
    if (at + 2 > offset || bytes[at + 1] < 2 || at + bytes[at + 1] > offset) break;
    parse_option(bytes[at], bytes + at + 2, bytes[at + 1] - 2u, &segment->options);
    at += bytes[at + 1];
  }
  return 1;
}

size_t tcp_options_write(uint8_t *bytes, const struct tcp_options *options) {
  uint8_t *at = bytes;
  if (options->mss) {
    at = store32(at, (uint32_t)OPTION_MSS << 24 | 4 << 16 | options->mss);
  }
  if (options->has_scale) {
    at = store32(at, (uint32_t)OPTION_NOTHING << 24 | OPTION_SCALE << 16 | 3 << 8 | options->scale);
  }
  if (options->sack_permitted) {
    at = store32(at, (uint32_t)OPTION_NOTHING << 24 | OPTION_NOTHING << 16 |
                         OPTION_SACK_PERMITTED << 8 | 2);
  }
  if (options->has_timestamp) {
    at = store32(at, (uint32_t)OPTION_NOTHING << 24 | OPTION_NOTHING << 16 | OPTION_TIMESTAMP << 8 |
                         10);
    at = store32(at, options->timestamp);
    at = store32(at, options->timestamp_echo);
  }
  if (options->sack_count) {
    at = store32(at, (uint32_t)OPTION_NOTHING << 24 | OPTION_NOTHING << 16 | OPTION_SACK << 8 |
                         (2u + 8u * options->sack_count));
    for (unsigned i = 0; i < options->sack_count; i++) {
      at = store32(at, options->sack[i].start);
      at = store32(at, options->sack[i].end);
    }
  }
  return (size_t)(at - bytes);
}
