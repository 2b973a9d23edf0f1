/* Rounding to integers. A double of 2^52 or more is one already. */

#include "bits.h"

#include <math.h>

#define TWO_52 0x1p52

double trunc(double x) {
  int fraction = EXPONENT_BIAS + FRACTION_BITS - biased_exponent(x); /* bits behind the point */
  if (fraction <= 0) return isnan(x) ? x + x : x;
  if (fraction > FRACTION_BITS) return copysign(0, x);
  return from_bits(bits_of(x) & ~((1ull << fraction) - 1));
}

double floor(double x) {
  double t = trunc(x);
  return t > x ? t - 1 : t;
}

double ceil(double x) {
  double t = trunc(x);
  return t < x ? copysign(t + 1, x) : t;
}

double round(double x) {
  double t = trunc(x);
  return fabs(x - t) >= 0.5 ? t + copysign(1, x) : t;
}

/* In the current rounding mode: the addition rounds away what is behind the point. */
double rint(double x) {
  if (!(fabs(x) < TWO_52)) return x;
  volatile double sum = copysign(TWO_52, x) + x;
  return copysign(sum - copysign(TWO_52, x), x);
}

double nearbyint(double x) { return rint(x); }
long lround(double x) { return (long)round(x); }
long lrint(double x) { return (long)rint(x); }
long long llround(double x) { return (long long)round(x); }
long long llrint(double x) { return (long long)rint(x); }
