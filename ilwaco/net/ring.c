/* A byte queue that grows on demand; see ring.h. */
#include "ring.h"

#include <string.h>

#include "memory.h"

enum { RING_MINIMUM = 2048 };

static void copy_in(struct ring *ring, uint32_t offset, const uint8_t *bytes, uint32_t length) {
  uint32_t index = (ring->start + offset) & (ring->capacity - 1);
  uint32_t first = ring->capacity - index;
  if (first > length) first = length;
  memcpy(ring->bytes + index, bytes, first);
  if (first < length) memcpy(ring->bytes, bytes + first, length - first);
}

static void copy_out(const struct ring *ring, uint32_t offset, uint8_t *bytes, uint32_t length) {
  uint32_t index = (ring->start + offset) & (ring->capacity - 1);
  uint32_t first = ring->capacity - index;
  if (first > length) first = length;
  memcpy(bytes, ring->bytes + index, first);
  if (first < length) memcpy(bytes + first, ring->bytes, length - first);
}

/* Makes room for `needed` bytes. Copies all of the old memory, so that what was placed behind the end
 * stays. */
static int grow(struct ring *ring, uint32_t needed) {
  uint32_t capacity = ring->capacity ? ring->capacity : RING_MINIMUM;
  while (capacity < needed) capacity *= 2;
  if (capacity == ring->capacity) return 1;
  uint8_t *bytes = net_allocate(capacity);
  if (!bytes) return 0;
  if (ring->capacity) {
    copy_out(ring, 0, bytes, ring->capacity);
    net_free(ring->bytes, ring->capacity);
  }
  ring->bytes = bytes;
  ring->capacity = capacity;
  ring->start = 0;
  return 1;
}

int ring_place(struct ring *ring, uint32_t limit, uint32_t offset, const void *bytes,
               uint32_t length) {
  if (offset > limit || length > limit - offset) return 0;
  if (length == 0) return 1;
  if (!grow(ring, offset + length)) return 0;
  copy_in(ring, offset, bytes, length);
  return 1;
}

uint32_t ring_append(struct ring *ring, uint32_t limit, const void *bytes, uint32_t length) {
  if (ring->used >= limit) return 0;
  if (length > limit - ring->used) length = limit - ring->used;
  if (length == 0) return 0;
  if (!grow(ring, ring->used + length)) {
    uint32_t room = ring->capacity - ring->used;
    if (room == 0 && ring->used == 0 && grow(ring, RING_MINIMUM)) room = ring->capacity;
    if (length > room) length = room;
  }
  if (length == 0) return 0;
  copy_in(ring, ring->used, bytes, length);
  ring->used += length;
  return length;
}

void ring_copy(const struct ring *ring, uint32_t offset, void *bytes, uint32_t length) {
  if (length) copy_out(ring, offset, bytes, length);
}

const uint8_t *ring_piece(const struct ring *ring, uint32_t offset, uint32_t *length) {
  uint32_t index = (ring->start + offset) & (ring->capacity - 1);
  if (*length > ring->capacity - index) *length = ring->capacity - index;
  return ring->bytes + index;
}

void ring_drop(struct ring *ring, uint32_t length, int keep_memory) {
  ring->used -= length;
  if (ring->used == 0 && !keep_memory) {
    ring_free(ring);
  } else {
    ring->start = (ring->start + length) & (ring->capacity - 1);
  }
}

void ring_free(struct ring *ring) {
  if (ring->bytes) net_free(ring->bytes, ring->capacity);
  memset(ring, 0, sizeof *ring);
}
