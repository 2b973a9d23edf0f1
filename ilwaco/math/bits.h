/* The bits of a double (IEEE 754 binary64). */
#ifndef ILWACO_MATH_BITS_H
#define ILWACO_MATH_BITS_H

#include <stdint.h>

#define SIGN_BIT (1ull << 63)
#define FRACTION_BITS 52
#define FRACTION_MASK ((1ull << FRACTION_BITS) - 1)
#define EXPONENT_BIAS 1023

static inline uint64_t bits_of(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline double from_bits(uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/* 0 for zero and subnormals, 2047 for infinities and NaNs. */
static inline int biased_exponent(double x) { return (int)(bits_of(x) >> FRACTION_BITS) & 0x7ff; }

#endif
