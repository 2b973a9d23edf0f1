/* Shifts, counts and comparisons of 64 bits, by the names of libgcc. */

#include <stdint.h>

int64_t __ashldi3(int64_t value, int count) {
  uint32_t low = (uint32_t)value, high = (uint32_t)((uint64_t)value >> 32);
  if (count & 32) return (int64_t)((uint64_t)(low << (count & 31)) << 32);
  if (!count) return value;
  return (int64_t)((uint64_t)(high << count | low >> (32 - count)) << 32 | low << count);
}

int64_t __lshrdi3(int64_t value, int count) {
  uint32_t low = (uint32_t)value, high = (uint32_t)((uint64_t)value >> 32);
  if (count & 32) return high >> (count & 31);
  if (!count) return value;
  return (int64_t)((uint64_t)(high >> count) << 32 | (low >> count | high << (32 - count)));
}

int64_t __ashrdi3(int64_t value, int count) {
  uint32_t low = (uint32_t)value;
  int32_t high = (int32_t)((uint64_t)value >> 32);
  if (count & 32) return high >> (count & 31);
  if (!count) return value;
  return (int64_t)((uint64_t)(uint32_t)(high >> count) << 32 |
                   (low >> count | (uint32_t)high << (32 - count)));
}

/* The 16 x 16 bit products are those of the schoolbook; only the low 64 bits count. */
int64_t __muldi3(int64_t a, int64_t b) {
  uint32_t a0 = (uint32_t)a, a1 = (uint32_t)((uint64_t)a >> 32);
  uint32_t b0 = (uint32_t)b, b1 = (uint32_t)((uint64_t)b >> 32);
  return (int64_t)((uint64_t)a0 * b0 + ((uint64_t)(a0 * b1 + a1 * b0) << 32));
}

int __popcountsi2(uint32_t value) {
  value -= value >> 1 & 0x55555555u;
  value = (value & 0x33333333u) + (value >> 2 & 0x33333333u);
  return (int)(((value + (value >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}

int __popcountdi2(uint64_t value) {
  return __popcountsi2((uint32_t)value) + __popcountsi2((uint32_t)(value >> 32));
}

int __paritysi2(uint32_t value) { return __popcountsi2(value) & 1; }
int __paritydi2(uint64_t value) { return __popcountdi2(value) & 1; }

static int leading_zeros(uint32_t value) {
  uint32_t position;
  __asm__("bsrl %1, %0" : "=r"(position) : "rm"(value) : "cc");
  return 31 - (int)position;
}

static int trailing_zeros(uint32_t value) {
  uint32_t position;
  __asm__("bsfl %1, %0" : "=r"(position) : "rm"(value) : "cc");
  return (int)position;
}

int __clzsi2(uint32_t value) { return leading_zeros(value); }
int __ctzsi2(uint32_t value) { return trailing_zeros(value); }

int __clzdi2(uint64_t value) {
  uint32_t high = (uint32_t)(value >> 32);
  return high ? leading_zeros(high) : 32 + leading_zeros((uint32_t)value);
}

int __ctzdi2(uint64_t value) {
  uint32_t low = (uint32_t)value;
  return low ? trailing_zeros(low) : 32 + trailing_zeros((uint32_t)(value >> 32));
}

int __ffsdi2(uint64_t value) { return value ? __ctzdi2(value) + 1 : 0; }

static uint32_t swap_bytes(uint32_t value) {
  __asm__("bswapl %0" : "+r"(value));
  return value;
}

uint32_t __bswapsi2(uint32_t value) { return swap_bytes(value); }

uint64_t __bswapdi2(uint64_t value) {
  return (uint64_t)swap_bytes((uint32_t)value) << 32 | swap_bytes((uint32_t)(value >> 32));
}

/* 0, 1, 2: less, equal, greater */
int __cmpdi2(int64_t a, int64_t b) { return (a > b) - (a < b) + 1; }
int __ucmpdi2(uint64_t a, uint64_t b) { return (a > b) - (a < b) + 1; }
