/*
 * Exact decimal numbers for printf, scanf and strtod: a finite binary floating-point number has a
 * finite decimal expansion, and a decimal one scaled by a power of two too, so nothing here is
 * approximate.
 *
 * The number is a string of limbs in base 10^9, the most significant first:
 *     sum of limbs[i] * 10^(9 * (point - 1 - i)) for first <= i < end
 * Limbs outside [first, end) are zero; first == end is the number 0. `limbs[first]` is not 0.
 * A "place" is the power of ten of a digit: place 0 are the units.
 */
#ifndef ILWACO_DECIMAL_H
#define ILWACO_DECIMAL_H

#include <stdint.h>

struct decimal {
  uint32_t *limbs;
  int first, end, point;
};

/* Room for any double (40 limbs before the point for 10^308, 220 behind it for the 1074 digits of
 * the smallest, or 800 digits times 2^-960) and for any x87 long double. */
#define DECIMAL_DOUBLE_POINT 40
#define DECIMAL_DOUBLE_LIMBS 260
#define DECIMAL_LONG_POINT 560
#define DECIMAL_LONG_LIMBS 2480

void ilwaco_decimal_set(struct decimal *d, uint64_t value);
void ilwaco_decimal_shift(struct decimal *d, int bits); /* times 2^bits */

/* Rounds half to even, to a multiple of 10^place. */
void ilwaco_decimal_round(struct decimal *d, int place);

/* Place of the first digit, and of the last one that is not 0. Not for the number 0. */
int ilwaco_decimal_highest(const struct decimal *d);
int ilwaco_decimal_lowest(const struct decimal *d);

/* Digit at a place, 0..9. */
int ilwaco_decimal_digit(const struct decimal *d, int place);

/* What lies behind the point. */
enum decimal_rest { REST_NONE, REST_BELOW_HALF, REST_HALF, REST_ABOVE_HALF };

/* The integer part, which must be below 2^64. */
uint64_t ilwaco_decimal_integer(const struct decimal *d, enum decimal_rest *rest);

#endif
