/*
 * The Internet checksum (RFC 1071).
 *
 * It is the most expensive thing the stack does to a byte: on a translated CPU every instruction of
 * the inner loop counts. So it adds 32 bits at a time and lets the carry flag hold the carry; one's
 * complement addition does not mind in which byte order, nor how wide the words are.
 */
#include "checksum.h"

#include "wire.h"

static uint32_t add32(uint32_t a, uint32_t b) {
  uint32_t sum = a + b;
  return sum + (sum < b);
}

static uint32_t load32(const uint8_t *bytes) {
  uint32_t word;
  __builtin_memcpy(&word, bytes, 4);
  return word;
}

#ifdef __i386__
/* `words` of 32 bits, a multiple of 8. */
static uint32_t add_blocks(uint32_t sum, const uint8_t *bytes, size_t words) {
  size_t blocks = words / 8;
  if (blocks == 0) return sum;
  __asm__("clc\n"
          "1: adcl (%1), %0\n"
          "adcl 4(%1), %0\n"
          "adcl 8(%1), %0\n"
          "adcl 12(%1), %0\n"
          "adcl 16(%1), %0\n"
          "adcl 20(%1), %0\n"
          "adcl 24(%1), %0\n"
          "adcl 28(%1), %0\n"
          "leal 32(%1), %1\n" /* lea and dec leave the carry flag alone */
          "decl %2\n"
          "jnz 1b\n"
          "adcl $0, %0\n"
          : "+r"(sum), "+r"(bytes), "+r"(blocks)
          :
          : "memory", "cc");
  return sum;
}
#else
static uint32_t add_blocks(uint32_t sum, const uint8_t *bytes, size_t words) {
  uint64_t wide = sum;
  for (size_t i = 0; i < words; i++) wide += load32(bytes + 4 * i);
  wide = (wide & 0xffffffff) + (wide >> 32);
  return (uint32_t)wide + (uint32_t)(wide >> 32);
}
#endif

uint32_t checksum_add(uint32_t sum, const void *start, size_t length) {
  const uint8_t *bytes = start;
  size_t block_bytes = length & ~(size_t)31;
  sum = add_blocks(sum, bytes, block_bytes / 4);
  bytes += block_bytes;
  length -= block_bytes;
  for (; length >= 4; bytes += 4, length -= 4) sum = add32(sum, load32(bytes));
  uint32_t rest = 0;
  for (size_t i = 0; i < length; i++) rest |= (uint32_t)bytes[i] << (8 * i);
  return add32(sum, rest);
}

uint32_t checksum_pseudo(uint32_t source, uint32_t destination, uint8_t protocol, uint32_t length) {
  uint32_t sum = add32(source, destination);
  return add32(add32(sum, swap32(length)), (uint32_t)protocol << 8);
}

uint16_t checksum_finish(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}
