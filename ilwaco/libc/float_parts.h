/* The parts of a floating-point number, the same for double and the x87 long double. */
#ifndef ILWACO_FLOAT_PARTS_H
#define ILWACO_FLOAT_PARTS_H

#include <stdint.h>

enum float_kind { FLOAT_FINITE, FLOAT_INFINITE, FLOAT_NAN };

struct float_parts {
  uint64_t significand; /* value = significand * 2^exponent */
  int exponent;
  int negative;
  enum float_kind kind;
};

static inline struct float_parts ilwaco_double_parts(double value) {
  uint64_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  uint64_t fraction = bits & 0xfffffffffffffull;
  int biased = (int)(bits >> 52) & 0x7ff;
  struct float_parts parts = {fraction, -1074, (int)(bits >> 63), FLOAT_FINITE};
  if (biased == 0x7ff) {
    parts.kind = fraction ? FLOAT_NAN : FLOAT_INFINITE;
  } else if (biased) {
    parts.significand |= 1ull << 52;
    parts.exponent = biased - 1075;
  }
  return parts;
}

static inline struct float_parts ilwaco_long_double_parts(long double value) {
  struct {
    uint64_t significand;
    uint16_t sign_exponent;
  } x87;
  __builtin_memcpy(&x87, &value, 10);
  int biased = x87.sign_exponent & 0x7fff;
  struct float_parts parts = {x87.significand, biased ? biased - 16446 : -16445,
                              x87.sign_exponent >> 15, FLOAT_FINITE};
  if (biased == 0x7fff) parts.kind = x87.significand << 1 ? FLOAT_NAN : FLOAT_INFINITE;
  return parts;
}

#endif
