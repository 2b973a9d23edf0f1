/* CRC-32C (Castagnoli), four bytes at a time: Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
 * High-Performance CRC Generation", 2008 ("slicing"). */
#include <denali/store.h>
#include <string.h>

enum { STEP = 4 };

/* [k][b]: what byte b does to the CRC when k bytes follow it. */
static uint32_t table[STEP][256];

static void make_table(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t value = b;
    for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
    table[0][b] = value;
  }
  for (int k = 1; k < STEP; k++) {
    for (uint32_t b = 0; b < 256; b++) {
      uint32_t value = table[k - 1][b];
      table[k][b] = value >> 8 ^ table[0][value & 255];
    }
  }
}

uint32_t store_crc(uint32_t crc, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  if (!table[STEP - 1][255]) make_table(); /* the entry that is asked for is written last */
  for (crc = ~crc; length >= STEP; length -= STEP, at += STEP) {
    uint32_t word;
    memcpy(&word, at, STEP);
    word ^= crc;
    crc = table[3][word & 255] ^ table[2][word >> 8 & 255] ^ table[1][word >> 16 & 255] ^
          table[0][word >> 24];
  }
  for (; length; length--) crc = crc >> 8 ^ table[0][(crc ^ *at++) & 255];
  return ~crc;
}
