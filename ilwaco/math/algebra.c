/* Square and cube roots, remainders. sqrt is one instruction; fprem is exact. */

#include "bits.h"

#include <math.h>

double sqrt(double x) {
  double result;
  __asm__("sqrtsd %1, %0" : "=x"(result) : "xm"(x));
  return result;
}

float sqrtf(float x) {
  float result;
  __asm__("sqrtss %1, %0" : "=x"(result) : "xm"(x));
  return result;
}

static long double sqrt_long(long double x) {
  __asm__("fsqrt" : "+t"(x));
  return x;
}

/* 64 bits of precision, and 15 of exponent: no overflow, no lost small operand. */
double hypot(double x, double y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (double)sqrt_long((long double)x * x + (long double)y * y);
}

double fmod(double x, double y) {
  long double rest = x;
  unsigned short status;
  do __asm__ volatile("fprem\n\tfnstsw %1" : "+t"(rest), "=a"(status) : "u"((long double)y) : "cc");
  while (status & 0x400); /* C2: not finished */
  return (double)rest;
}

double cbrt(double x) {
  if (x == 0 || !isfinite(x)) return x + x;
  int exponent;
  double fraction = frexp(fabs(x), &exponent);
  while (exponent % 3) fraction *= 0.5, exponent++;
  /* 1/8 < fraction < 1. Newton's method doubles the right bits each time. */
  long double root = 0.35L + 0.65L * fraction;
  for (int step = 0; step < 6; step++) root -= (root - fraction / (root * root)) / 3;
  return copysign(scalbn((double)root, exponent / 3), x);
}
