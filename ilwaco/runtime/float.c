/*
 * Conversions between 64-bit integers and floating point, and powers, by the names of libgcc. The
 * x87 converts signed 64-bit integers exactly; the unsigned range is added here. (long double)x is
 * exact for every 64-bit integer, so each result is rounded once.
 */

#include <stdint.h>

#define TWO_63 9223372036854775808.0L

static long double from_unsigned(uint64_t value) {
  long double result = (long double)(int64_t)value;
  return (int64_t)value < 0 ? result + 2 * TWO_63 : result;
}

static uint64_t to_unsigned(long double value) {
  if (value < TWO_63) return (uint64_t)(int64_t)value;
  return (uint64_t)(int64_t)(value - TWO_63) + (1ull << 63);
}

float __floatundisf(uint64_t value) { return (float)from_unsigned(value); }
double __floatundidf(uint64_t value) { return (double)from_unsigned(value); }
long double __floatundixf(uint64_t value) { return from_unsigned(value); }
float __floatdisf(int64_t value) { return (float)(long double)value; }
double __floatdidf(int64_t value) { return (double)(long double)value; }
long double __floatdixf(int64_t value) { return (long double)value; }

uint64_t __fixunssfdi(float value) { return to_unsigned(value); }
uint64_t __fixunsdfdi(double value) { return to_unsigned(value); }
uint64_t __fixunsxfdi(long double value) { return to_unsigned(value); }
int64_t __fixsfdi(float value) { return (int64_t)(long double)value; }
int64_t __fixdfdi(double value) { return (int64_t)(long double)value; }
int64_t __fixxfdi(long double value) { return (int64_t)value; }

#define POWER(name, type)                                                     \
  type name(type base, int exponent) {                                        \
    unsigned n = exponent < 0 ? 0u - (unsigned)exponent : (unsigned)exponent; \
    type result = n & 1 ? base : 1;                                           \
    while (n >>= 1) {                                                         \
      base *= base;                                                           \
      if (n & 1) result *= base;                                              \
    }                                                                         \
    return exponent < 0 ? 1 / result : result;                                \
  }

POWER(__powisf2, float)
POWER(__powidf2, double)
POWER(__powixf2, long double)
