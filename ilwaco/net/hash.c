/* HalfSipHash-2-4 over three words; see hash.h. */
#include "hash.h"

#include <ilwaco.h>

static uint32_t key[2];

void hash_seed(void) {
  key[0] = ilwaco_random32();
  key[1] = ilwaco_random32();
}

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void rounds(uint32_t v[4], int count) {
  for (int i = 0; i < count; i++) {
    v[0] += v[1], v[1] = rotate(v[1], 5) ^ v[0], v[0] = rotate(v[0], 16);
    v[2] += v[3], v[3] = rotate(v[3], 8) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 7) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 13) ^ v[2], v[2] = rotate(v[2], 16);
  }
}

static void absorb(uint32_t v[4], uint32_t word) {
  v[3] ^= word;
  rounds(v, 2);
  v[0] ^= word;
}

uint32_t hash_three(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t v[4] = {key[0], key[1], 0x6c796765 ^ key[0], 0x74656462 ^ key[1]};
  absorb(v, a);
  absorb(v, b);
  absorb(v, c);
  absorb(v, 12u << 24);
  v[2] ^= 0xff;
  rounds(v, 4);
  return v[1] ^ v[3];
}
