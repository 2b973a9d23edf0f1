/* abs, div, random numbers. */

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

int abs(int value) { return value < 0 ? -value : value; }
long labs(long value) { return value < 0 ? -value : value; }
long long llabs(long long value) { return value < 0 ? -value : value; }
intmax_t imaxabs(intmax_t value) { return value < 0 ? -value : value; }

div_t div(int numerator, int denominator) {
  return (div_t){numerator / denominator, numerator % denominator};
}

ldiv_t ldiv(long numerator, long denominator) {
  return (ldiv_t){numerator / denominator, numerator % denominator};
}

lldiv_t lldiv(long long numerator, long long denominator) {
  return (lldiv_t){numerator / denominator, numerator % denominator};
}

imaxdiv_t imaxdiv(intmax_t numerator, intmax_t denominator) {
  return (imaxdiv_t){numerator / denominator, numerator % denominator};
}

/* A 64-bit linear congruential generator (Knuth's MMIX constants), its high bits. */
static uint64_t seed = 1;

void srand(unsigned value) { seed = value; }

int rand(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (int)(seed >> 33);
}

int rand_r(unsigned *state) {
  uint32_t value = *state = *state * 1664525u + 1013904223u;
  value = (value ^ value >> 16) * 0x45d9f3bu;
  return (int)((value ^ value >> 16) & RAND_MAX);
}

long random(void) { return rand(); }
void srandom(unsigned value) { srand(value); }
