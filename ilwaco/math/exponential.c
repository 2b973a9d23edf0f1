/*
 * Exponentials and logarithms by the x87: 64 bits of precision inside, so that the rounded double
 * is the nearest one in all but rare cases.
 */

#include "bits.h"

#include <errno.h>
#include <math.h>

#define LOG2_E 1.4426950408889634073599246810018921L
#define LN_2 0.6931471805599453094172321214581765L
#define LOG10_2 0.3010299956639811952137388947244930L

/* y * log2(x) */
static long double y_log2(long double y, long double x) {
  long double result;
  __asm__("fyl2x" : "=t"(result) : "0"(x), "u"(y) : "st(1)");
  return result;
}

/* 2^x - 1 for |x| <= 1 */
static long double two_to_the_minus_1(long double x) {
  __asm__("f2xm1" : "+t"(x));
  return x;
}

static long double scale(long double x, long double exponent) {
  __asm__("fscale" : "+t"(x) : "u"(exponent));
  return x;
}

static long double round_long(long double x) {
  __asm__("frndint" : "+t"(x));
  return x;
}

/* 2^(high + low), |low| small */
static long double two_to_the(long double high, long double low) {
  if (high > 17000) high = 17000, low = 0;
  if (high < -17000) high = -17000, low = 0;
  long double integer = round_long(high);
  return scale(two_to_the_minus_1(high - integer + low) + 1, integer);
}

/* Sets errno as ISO C asks when a finite argument's result does not fit. */
static double checked(long double result) {
  double rounded = (double)result;
  if (isinf(rounded) || rounded == 0) errno = ERANGE;
  return rounded;
}

/* x * log2(e) to more than 64 bits: the product's error counts where x is large. */
static long double exp_long(double x) {
  long double high = (long double)x * 1.4426950406334782L; /* a part of log2(e) with few bits ... */
  long double low = (long double)x * (LOG2_E - 1.4426950406334782L);
  return two_to_the(high, low);
}

double exp2(double x) {
  if (isnan(x) || isinf(x)) return x < 0 ? 0 : x;
  return checked(two_to_the(x, 0));
}

double expm1(double x) {
  if (isnan(x) || isinf(x) || x == 0) return x == -INFINITY ? -1 : x;
  long double scaled = (long double)x * LOG2_E;
  if (fabs(x) < 0.5) return (double)two_to_the_minus_1(scaled);
  long double result = exp_long(x) - 1;
  if (isinf((double)result)) errno = ERANGE;
  return (double)result;
}

double exp(double x) {
  if (isnan(x) || isinf(x)) return x < 0 ? 0 : x;
  return checked(exp_long(x));
}

/* Returns 1 if log(x) is special, and then its value. */
static int log_special(double x, double *value) {
  if (isnan(x) || x == INFINITY) {
    *value = x;
  } else if (x == 0) {
    errno = ERANGE;
    *value = -INFINITY;
  } else if (x < 0) {
    errno = EDOM;
    *value = NAN;
  } else {
    return 0;
  }
  return 1;
}

double log(double x) {
  double special;
  return log_special(x, &special) ? special : (double)y_log2(LN_2, x);
}

double log2(double x) {
  double special;
  return log_special(x, &special) ? special : (double)y_log2(1, x);
}

double log10(double x) {
  double special;
  return log_special(x, &special) ? special : (double)y_log2(LOG10_2, x);
}

double log1p(double x) {
  double special;
  if (x == 0) return x;
  if (fabs(x) >= 0.25)
    return log_special(1 + x, &special) ? special : (double)y_log2(LN_2, 1 + (long double)x);
  long double result;
  __asm__("fyl2xp1" : "=t"(result) : "0"((long double)x), "u"(LN_2) : "st(1)");
  return (double)result;
}

static int is_integer(double y) { return trunc(y) == y; }
static int is_odd(double y) { return fabs(y) < 0x1p53 && is_integer(y) && fmod(y, 2) != 0; }

/* ISO C F.10.4.4: x or y zero, infinite or NaN. */
static double pow_special(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (isnan(x) || isnan(y)) return x + y;
  if (isinf(y)) {
    if (fabs(x) == 1) return 1;
    return (fabs(x) > 1) == (y > 0) ? INFINITY : 0;
  }
  double sign = is_odd(y) ? copysign(1, x) : 1;
  if (x == 0 && y < 0) errno = ERANGE;
  return (x == 0) == (y > 0) ? copysign(0, sign) : copysign(INFINITY, sign);
}

double pow(double x, double y) {
  if (y == 0 || x == 0 || x == 1 || !isfinite(x) || !isfinite(y)) return pow_special(x, y);
  if (x < 0 && !is_integer(y)) {
    errno = EDOM;
    return NAN;
  }
  int negative = x < 0 && is_odd(y);
  long double result;
  if (is_integer(y) && fabs(y) <= 64) { /* exact where the result is */
    unsigned n = (unsigned)fabs(y);
    long double base = fabs(x);
    for (result = 1; n; n >>= 1, base *= base) {
      if (n & 1) result *= base;
    }
    if (y < 0) result = 1 / result;
  } else {
    /* log2 in two parts, so that a large y does not magnify its rounding. */
    int exponent;
    double fraction = frexp(fabs(x), &exponent);
    if (fraction < 0.70710678118654752) fraction *= 2, exponent--;
    long double logarithm = y_log2(1, fraction);
    long double high = (float)logarithm;
    long double whole = (long double)y * exponent, integer = round_long(whole);
    long double part = (long double)y * high;
    long double part_integer = round_long(part);
    long double low =
        (long double)y * (logarithm - high) + (whole - integer) + (part - part_integer);
    result = two_to_the(integer + part_integer, 0) * two_to_the(low, 0);
  }
  return checked(negative ? -result : result);
}

double sinh(double x) {
  if (fabs(x) < 0.5) {
    long double e = expm1(x);
    return (double)((e + e / (e + 1)) / 2);
  }
  if (!isfinite(x)) return x;
  long double e = exp_long(x);
  return (double)((e - 1 / e) / 2);
}

double cosh(double x) {
  if (!isfinite(x)) return fabs(x);
  long double e = exp_long(fabs(x));
  return (double)((e + 1 / e) / 2);
}

double tanh(double x) {
  if (isnan(x) || fabs(x) > 22) return isnan(x) ? x : copysign(1, x);
  long double e = expm1(2 * fabs(x));
  return copysign((double)(e / (e + 2)), x);
}
