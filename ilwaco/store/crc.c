/* CRC-32C (Castagnoli), a byte at a time. */
#include <denali/store.h>

uint32_t store_crc(uint32_t crc, const void *bytes, size_t length) {
  static uint32_t table[256];
  const uint8_t *at = bytes;
  if (!table[1]) {
    for (uint32_t i = 256; i-- > 0;) { /* the entry that is asked for is written last */
      uint32_t value = i;
      for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
      table[i] = value;
    }
  }
  for (crc = ~crc; length; length--) crc = crc >> 8 ^ table[(crc ^ *at++) & 255];
  return ~crc;
}
