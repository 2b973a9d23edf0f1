/* Sign, exponent and fraction: fabs, copysign, frexp, ldexp, modf and what follows from
 * comparisons. */

#include "bits.h"

#include <math.h>

double fabs(double x) { return from_bits(bits_of(x) & ~SIGN_BIT); }

double copysign(double x, double y) {
  return from_bits((bits_of(x) & ~SIGN_BIT) | (bits_of(y) & SIGN_BIT));
}

double fmin(double x, double y) {
  if (isnan(x) || isnan(y)) return isnan(x) ? y : x;
  if (x == y) return signbit(x) ? x : y;
  return x < y ? x : y;
}

double fmax(double x, double y) {
  if (isnan(x) || isnan(y)) return isnan(x) ? y : x;
  if (x == y) return signbit(x) ? y : x;
  return x > y ? x : y;
}

double fdim(double x, double y) {
  if (isnan(x) || isnan(y)) return x + y;
  return x > y ? x - y : 0;
}

double frexp(double x, int *exponent) {
  *exponent = 0;
  int biased = biased_exponent(x);
  if (x == 0 || biased == 0x7ff) return x;
  if (!biased) { /* subnormal */
    x *= 0x1p64;
    biased = biased_exponent(x) - 64;
  }
  *exponent = biased - (EXPONENT_BIAS - 1);
  uint64_t half = (uint64_t)(EXPONENT_BIAS - 1) << FRACTION_BITS;
  return from_bits((bits_of(x) & (SIGN_BIT | FRACTION_MASK)) | half);
}

static double power_of_two(int exponent) {
  return from_bits((uint64_t)(exponent + EXPONENT_BIAS) << FRACTION_BITS);
}

/* Only the last multiplication may round: on the way down the number stays normal until then. */
double scalbn(double x, int exponent) {
  for (int step = 0; exponent > 1023 && step < 2; step++) x *= 0x1p1023, exponent -= 1023;
  for (int step = 0; exponent < -1022 && step < 2; step++) x *= 0x1p-969, exponent += 969;
  if (exponent > 1023) exponent = 1023;
  if (exponent < -1022) exponent = -1022;
  return x * power_of_two(exponent);
}

double ldexp(double x, int exponent) { return scalbn(x, exponent); }

double modf(double x, double *integer) {
  *integer = trunc(x);
  return isinf(x) ? copysign(0, x) : copysign(x - *integer, x);
}
