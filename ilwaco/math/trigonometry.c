/*
 * Trigonometric functions by the x87, whose own reduction uses 66 bits of pi. Arguments beyond pi/4
 * are reduced here with pi/2 to 128 bits; beyond 2^52 the result has no meaning.
 */

#include "bits.h"

#include <errno.h>
#include <math.h>

#define HALF_PI 1.57079632679489661923L

/* pi/2 = A + B + C; A and B have 33 bits, so that multiples up to 2^31 are exact in 64 bits */
#define HALF_PI_A 0x1.921fb544p0L
#define HALF_PI_B 0x1.0b4611a6p-34L
#define HALF_PI_C 0x1.3198a2e03707344ap-69L

static long double round_long(long double x) {
  __asm__("frndint" : "+t"(x));
  return x;
}

static long double sin_long(long double x) {
  __asm__("fsin" : "+t"(x));
  return x;
}

static long double cos_long(long double x) {
  __asm__("fcos" : "+t"(x));
  return x;
}

static long double atan2_long(long double y, long double x) {
  long double result;
  __asm__("fpatan" : "=t"(result) : "0"(x), "u"(y) : "st(1)");
  return result;
}

/* x = result + quadrant * pi/2, |result| <= pi/4 or a little more */
static long double reduce(double x, int *quadrant) {
  *quadrant = 0;
  if (fabs(x) < 0.785) return x;
  long double multiple = round_long(x / HALF_PI);
  *quadrant = (int)((long long)multiple & 3);
  return ((x - multiple * HALF_PI_A) - multiple * HALF_PI_B) - multiple * HALF_PI_C;
}

static int undefined(double x) {
  if (isinf(x)) errno = EDOM;
  return !isfinite(x);
}

double sin(double x) {
  if (undefined(x)) return x - x;
  int quadrant;
  long double r = reduce(x, &quadrant);
  long double result = quadrant & 1 ? cos_long(r) : sin_long(r);
  return (double)(quadrant & 2 ? -result : result);
}

double cos(double x) {
  if (undefined(x)) return x - x;
  int quadrant;
  long double r = reduce(x, &quadrant);
  long double result = quadrant & 1 ? sin_long(r) : cos_long(r);
  return (double)(((quadrant + 1) & 2) ? -result : result);
}

double tan(double x) {
  if (undefined(x)) return x - x;
  int quadrant;
  long double r = reduce(x, &quadrant);
  long double s = sin_long(r), c = cos_long(r);
  return (double)(quadrant & 1 ? -c / s : s / c);
}

double atan(double x) { return (double)atan2_long(x, 1); }
double atan2(double y, double x) { return isnan(x) || isnan(y) ? x + y : (double)atan2_long(y, x); }

static long double other_leg(double x) {
  long double square = (1 - (long double)x) * (1 + (long double)x);
  if (square < 0) errno = EDOM;
  __asm__("fsqrt" : "+t"(square));
  return square;
}

double asin(double x) { return (double)atan2_long(x, other_leg(x)); }
double acos(double x) { return (double)atan2_long(other_leg(x), x); }
