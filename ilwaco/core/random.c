/* xoroshiro64** (Blackman and Vigna, public domain algorithm). For ports, sequence numbers and the
 * like. */

#include "core.h"

static uint32_t state[2];

static uint32_t rotate(uint32_t value, int count) { return value << count | value >> (32 - count); }

/* Spreads a seed over 32 bits (the finaliser of MurmurHash3). */
static uint32_t mix(uint32_t value) {
  value = (value ^ value >> 16) * 0x85ebca6bu;
  value = (value ^ value >> 13) * 0xc2b2ae35u;
  return value ^ value >> 16;
}

uint32_t ilwaco_random32(void) {
  unsigned before = ilwaco_interrupts_disable();
  if (!state[0] && !state[1]) {
    uint64_t wall = ilwaco_wall_us();
    state[0] = mix((uint32_t)wall ^ VIRTUAL_REGISTERS->vm_id * 0x9e3779b9u);
    state[1] = mix((uint32_t)(wall >> 32) + state[0]) | 1;
  }
  uint32_t result = rotate(state[0] * 0x9e3779bbu, 5) * 5;
  uint32_t mixed = state[1] ^ state[0];
  state[0] = rotate(state[0], 26) ^ mixed ^ mixed << 9;
  state[1] = rotate(mixed, 13);
  ilwaco_interrupts_restore(before);
  return result;
}
