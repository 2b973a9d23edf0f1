/* See pattern.h. Both machines that this runs on are little-endian. */
#include "pattern.h"

#include <string.h>

#define STEP 2654435761u

static uint8_t byte_at(uint32_t seed, uint64_t offset) {
  uint32_t word = (uint32_t)(offset / 4) * STEP + seed;
  return (uint8_t)(word >> offset % 4 * 8);
}

void pattern_write(uint8_t *bytes, uint32_t seed, uint64_t offset, size_t length) {
  for (; length && offset % 4; length--) *bytes++ = byte_at(seed, offset++);
  uint32_t word = (uint32_t)(offset / 4) * STEP + seed;
  for (; length >= 4; length -= 4, offset += 4, bytes += 4, word += STEP) memcpy(bytes, &word, 4);
  for (; length; length--) *bytes++ = byte_at(seed, offset++);
}

size_t pattern_wrong(const uint8_t *bytes, uint32_t seed, uint64_t offset, size_t length) {
  size_t wrong = 0;
  for (; length && offset % 4; length--) wrong += *bytes++ != byte_at(seed, offset++);
  uint32_t word = (uint32_t)(offset / 4) * STEP + seed;
  for (; length >= 4; length -= 4, offset += 4, bytes += 4, word += STEP) {
    uint32_t got;
    memcpy(&got, bytes, 4);
    if (got == word) continue;
    for (int i = 0; i < 4; i++) wrong += bytes[i] != (uint8_t)(word >> i * 8);
  }
  for (; length; length--) wrong += *bytes++ != byte_at(seed, offset++);
  return wrong;
}
