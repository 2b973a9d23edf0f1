/* See net_offload.h. */
#include "net_offload.h"

#include <string.h>

#include "../../ilwaco/net/checksum.h"

enum { IP = 14, TCP_FIN_OR_PSH = 0x09 };

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

static void seal(uint8_t *field, uint16_t checksum) { memcpy(field, &checksum, sizeof checksum); }

/* The sum of the pseudo header stands where the checksum belongs. */
static void add_checksum(uint8_t *frame, size_t length, size_t start, size_t field) {
  uint16_t checksum = checksum_finish(checksum_add(0, frame + start, length - start));
  seal(frame + start + field, checksum ? checksum : 0xffff);
}

static void seal_segment(uint8_t *frame, size_t length, size_t start) {
  uint32_t source, destination;
  memcpy(&source, frame + IP + 12, 4);
  memcpy(&destination, frame + IP + 16, 4);
  memset(frame + IP + 10, 0, 2);
  seal(frame + IP + 10, checksum_finish(checksum_add(0, frame + IP, start - IP)));
  memset(frame + start + 16, 0, 2);
  uint32_t sum = checksum_pseudo(source, destination, 6, (uint32_t)(length - start));
  seal(frame + start + 16, checksum_finish(checksum_add(sum, frame + start, length - start)));
}

void net_complete(uint8_t *frame, size_t length, const struct virtio_header *offload,
                  void (*emit)(const void *frame, size_t length)) {
  size_t start = offload->checksum_start, headers = offload->headers;
  if (!(offload->flags & VIRTIO_NEEDS_CHECKSUM)) {
    emit(frame, length);
  } else if (offload->type != VIRTIO_TCPV4) {
    add_checksum(frame, length, start, offload->checksum);
    emit(frame, length);
  } else {
    for (size_t at = headers, index = 0; at < length; at += offload->segment, index++) {
      uint8_t segment[1514];
      size_t size = length - at < offload->segment ? length - at : offload->segment;
      memcpy(segment, frame, headers);
      memcpy(segment + headers, frame + at, size);
      put16(segment + IP + 2, (uint32_t)(headers - IP + size));
      put16(segment + IP + 4, get16(frame + IP + 4) + (uint32_t)index);
      put32(segment + start + 4, get32(frame + start + 4) + (uint32_t)(at - headers));
      if (at + size < length) segment[start + 13] &= (uint8_t)~TCP_FIN_OR_PSH;
      seal_segment(segment, headers + size, start);
      emit(segment, headers + size);
    }
  }
}
