/* Floating point: arithmetic, conversions, comparisons, rounding, special values, vectors of SSE2.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const double values[] = {0.0,
                                -0.0,
                                1.0,
                                -1.0,
                                0.5,
                                1.5,
                                2.5,
                                -2.5,
                                0.1,
                                1e-10,
                                1e10,
                                123456.789,
                                -99.99,
                                2147483647.0,
                                2147483648.0,
                                -2147483648.0,
                                4294967295.0,
                                4294967296.0,
                                9007199254740992.0,
                                9.2233720368547758e18,
                                1e300,
                                1e-300,
                                5e-324,
                                DBL_MAX,
                                DBL_MIN};
#define COUNT (sizeof values / sizeof *values)

static uint64_t hash = 14695981039346656037ull;

/* -DVERBOSE=1 shows every value, to find the one that differs. */
#ifndef VERBOSE
#define VERBOSE 0
#endif

static void note_bits(uint64_t value) {
  static int count;
  if (VERBOSE) printf("%d: %016llx\n", count++, (unsigned long long)value);
  hash = (hash ^ value) * 1099511628211ull + (hash >> 47);
}

/* The sign and payload of a NaN are not the same everywhere. */
static void note(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  note_bits(value != value ? 0x7ff8000000000000ull : bits);
}

static void arithmetic(void) {
  for (unsigned i = 0; i < COUNT; i++) {
    volatile double a = values[i];
    volatile float fa = (float)a;
    for (unsigned j = 0; j < COUNT; j++) {
      volatile double b = values[j];
      volatile float fb = (float)b;
      note(a + b), note(a - b), note(a * b), note(a / b);
      note(fa + fb), note(fa - fb), note(fa * fb), note(fa / fb);
      note_bits((unsigned)((a < b) | (a <= b) << 1 | (a == b) << 2 | (a != b) << 3 | (a > b) << 4 |
                           isunordered(a, b) << 5));
      note_bits((unsigned)((fa < fb) | (fa >= fb) << 1 | (fa == fb) << 2));
      note(fmin(a, b) + 1), note(copysign(a, b));
    }
    note(sqrt(fabs(a))), note(floor(a)), note(ceil(a)), note(trunc(a)), note(rint(a)),
        note(round(a));
    note(sqrtf(fabsf(fa))), note(-a), note(fabs(a));
  }
  printf("arithmetic %016llx\n", (unsigned long long)hash);
}

static void conversions(void) {
  static const long long integers[] = {0,
                                       1,
                                       -1,
                                       16777217,
                                       -16777217,
                                       2147483647,
                                       -2147483648ll,
                                       9007199254740993,
                                       -9007199254740993,
                                       4503599627370497,
                                       9223372036854775807,
                                       1152921504606846977,
                                       -9223372036854775807ll - 1,
                                       4294967295};
  for (unsigned i = 0; i < sizeof integers / sizeof *integers; i++) {
    volatile long long l = integers[i];
    volatile unsigned long long ul = (unsigned long long)integers[i];
    volatile int n = (int)l;
    volatile unsigned u = (unsigned)l;
    note((double)l), note((double)ul), note((double)n), note((double)u), note((float)l),
        note((float)ul), note((float)n), note((float)u);
    note((double)(long double)ul);
  }
  for (unsigned i = 0; i < COUNT; i++) {
    volatile double a = values[i];
    volatile float f = (float)a;
    if (fabs(a) < 2147483648.0)
      note_bits((unsigned)(int)a), note_bits((unsigned)(int)f), note_bits((unsigned)lrint(a));
    if (a >= 0 && a < 4294967296.0) note_bits((unsigned)a);
    if (fabs(a) < 9e18) note_bits((uint64_t)(long long)a);
    if (a >= 0 && a < 1.8e19) note_bits((uint64_t)a);
    if (fabs(a) < 30000) note_bits((unsigned short)(short)a);
    note((double)f);
  }
  printf("conversions %016llx\n", (unsigned long long)hash);
}

static void specials(void) {
  volatile double zero = 0, one = 1, huge = DBL_MAX;
  double infinity = one / zero, nan = zero / zero;
  printf("%g %g %d %d %d\n", infinity, -infinity, nan != nan, isinf(infinity), isfinite(huge));
  printf("%d %d %d %d\n", fpclassify(zero) == FP_ZERO, fpclassify(one) == FP_NORMAL,
         fpclassify(5e-324) == FP_SUBNORMAL, signbit(-zero));
  printf("%g %g %g\n", huge * 2, infinity - one, one / infinity);
  printf("%d %d\n", nan < one, nan == nan);
}

static void series(void) {
  double pi = 0, e = 1, term = 1;
  for (int i = 0; i < 20000; i++) pi += (i % 2 ? -4.0 : 4.0) / (2 * i + 1);
  for (int i = 1; i < 25; i++) e += term /= i;
  float sum = 0;
  for (int i = 1; i < 10000; i++) sum += 1.0f / (float)i;
  long double product = 1;
  for (int i = 1; i < 60; i++) product *= 1 + 1.0L / i;
  printf("%.15f %.15f %.9g %.18Lg\n", pi, e, (double)sum, product);
}

static void frexp_and_kin(void) {
  for (unsigned i = 0; i < COUNT; i++) {
    int exponent = 0;
    double integer, fraction = frexp(values[i], &exponent);
    note(fraction), note_bits((unsigned)exponent), note(ldexp(fraction, exponent)),
        note(modf(values[i], &integer)), note(integer);
    note(fmod(values[i], 7.25)), note(ldexp(values[i], -1070)), note(ldexp(values[i], 100));
  }
  printf("frexp %016llx\n", (unsigned long long)hash);
}

/* Loops that gcc turns into packed instructions. */
static void vectors(void) {
  static double x[257], y[257];
  static float p[259], q[259];
  static int n[130];
  for (int i = 0; i < 257; i++) x[i] = i * 0.37, y[i] = 100 - i;
  for (int i = 0; i < 259; i++) p[i] = (float)i / 3, q[i] = (float)(i * i);
  for (int i = 0; i < 130; i++) n[i] = i * 1000003 - 7;
  for (int i = 0; i < 257; i++) y[i] = x[i] * y[i] + 1.25;
  for (int i = 0; i < 259; i++) p[i] = sqrtf(q[i]) - p[i] * 0.5f;
  for (int i = 0; i < 130; i++) n[i] = (n[i] ^ (n[i] >> 3)) + (n[i] << 2);
  for (int i = 0; i < 130; i++) x[i] += n[i];
  double sum = 0;
  for (int i = 0; i < 257; i++) sum += x[i] + y[i] + (double)p[i];
  printf("%.10f\n", sum);
}

int main(void) {
  arithmetic();
  conversions();
  specials();
  series();
  frexp_and_kin();
  vectors();
  return 0;
}
