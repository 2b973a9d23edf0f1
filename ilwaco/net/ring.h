/*
 * A byte queue that grows on demand: what a TCP connection has sent and not yet seen acknowledged, or
 * has received and not yet read.
 *
 * An empty ring owns no memory, so that ten thousand idle connections cost nothing here. Memory comes
 * in powers of two from 2 KiB up to the limit, contiguous, and counts against the network's memory
 * budget (memory.h). Bytes may also be placed beyond the end (what came out of order); the caller
 * remembers which are there and takes them over by ring_extend.
 */
#ifndef ILWACO_NET_RING_H
#define ILWACO_NET_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
  uint8_t *bytes;
  uint32_t capacity; /* 0 or a power of two */
  uint32_t start;    /* index of the first byte */
  uint32_t used;
};

/* Puts `length` bytes `offset` bytes behind the first byte; `used` does not change. 0: no memory, and
 * nothing was put. `limit` bounds offset + length. */
int ring_place(struct ring *ring, uint32_t limit, uint32_t offset, const void *bytes,
               uint32_t length);

/* Takes `length` bytes, which were placed behind the end, into the queue. */
static inline void ring_extend(struct ring *ring, uint32_t length) { ring->used += length; }

/* Appends up to `length` bytes, as far as `limit` and memory allow; returns how many. */
uint32_t ring_append(struct ring *ring, uint32_t limit, const void *bytes, uint32_t length);

/* Copies bytes [offset, offset + length), which must be in the queue. */
void ring_copy(const struct ring *ring, uint32_t offset, void *bytes, uint32_t length);

/* The bytes at `offset`, which must be in the queue, as far as they lie in one piece: sets `length`, which says
 * how many are wanted, to how many that is. */
const uint8_t *ring_piece(const struct ring *ring, uint32_t offset, uint32_t *length);

/* Drops the first `length` bytes. A ring that becomes empty gives its memory back, unless bytes that came
 * out of order still lie in it. */
void ring_drop(struct ring *ring, uint32_t length, int keep_memory);

void ring_free(struct ring *ring);

#endif
