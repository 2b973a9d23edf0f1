/* See hash.h. */
#include "hash.h"

#include <string.h>

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void mix(uint32_t v[4], int rounds) {
  while (rounds--) {
    v[0] += v[1], v[1] = rotate(v[1], 5) ^ v[0], v[0] = rotate(v[0], 16);
    v[2] += v[3], v[3] = rotate(v[3], 8) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 7) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 13) ^ v[2], v[2] = rotate(v[2], 16);
  }
}

static void take(uint32_t v[4], uint32_t word) {
  v[3] ^= word;
  mix(v, 2);
  v[0] ^= word;
}

uint32_t keyed_hash(const uint32_t key[2], const void *bytes, size_t length) {
  uint32_t v[4] = {key[0], key[1], 0x6c796765 ^ key[0], 0x74656462 ^ key[1]}, word;
  const uint8_t *at = bytes;
  size_t left = length;
  for (; left >= 4; left -= 4, at += 4) {
    memcpy(&word, at, 4);
    take(v, word);
  }
  word = (uint32_t)length << 24;
  for (size_t i = 0; i < left; i++) word |= (uint32_t)at[i] << i * 8;
  take(v, word);
  v[2] ^= 0xff;
  mix(v, 4);
  return v[1] ^ v[3];
}
