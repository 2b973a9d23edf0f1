/*
 * Data that a receiver can check without a copy: word i of the stream (4 bytes, little-endian) is
 * i * 2654435761 + seed, modulo 2^32. What was lost, doubled, moved or changed shows.
 */
#ifndef TTCP_PATTERN_H
#define TTCP_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* Writes bytes [offset, offset + length) of the pattern. */
void pattern_write(uint8_t *bytes, uint32_t seed, uint64_t offset, size_t length);

/* How many of the bytes differ from the pattern. */
size_t pattern_wrong(const uint8_t *bytes, uint32_t seed, uint64_t offset, size_t length);

#endif
