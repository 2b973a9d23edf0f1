/*
 * The functions of math.h. 14 digits: different libraries may differ in the last bit; and the
 * special values ISO C Annex F prescribes.
 */

#include <errno.h>
#include <math.h>
#include <stdio.h>

static const double arguments[] = {0.0,    -0.0,  1e-300, 1e-10,  0.1,       0.25,   0.5,
                                   0.7071, 1.0,   1.5,    2.0,    2.7183,    3.1416, 10.0,
                                   22.5,   100.0, 709.0,  1000.0, 12345.678, 1e6,    1e9};
#define COUNT (sizeof arguments / sizeof *arguments)

#define SHOW(name, x) printf(#name "(%g) = %.14g\n", x, name(x) + 0.0)

static void elementary(void) {
  for (unsigned i = 0; i < COUNT; i++) {
    volatile double x = arguments[i];
    SHOW(exp, x), SHOW(exp, -x), SHOW(exp2, x / 2), SHOW(expm1, x), SHOW(expm1, -x);
    SHOW(sin, x), SHOW(cos, x), SHOW(sin, -x), SHOW(tan, x), SHOW(atan, x), SHOW(cbrt, x),
        SHOW(cbrt, -x);
    SHOW(sinh, x), SHOW(cosh, x), SHOW(tanh, x);
    if (x > 0) SHOW(log, x), SHOW(log2, x), SHOW(log10, x);
    SHOW(log1p, x);
    if (x <= 1) SHOW(asin, x), SHOW(acos, x), SHOW(asin, -x), SHOW(acos, -x);
  }
}

static void powers(void) {
  static const double exponents[] = {0, 1, -1, 2, 3, -2.5, 0.5, 1.0 / 3, 10, -0.1, 100.5, 300};
  for (unsigned i = 0; i < COUNT; i++) {
    for (unsigned j = 0; j < sizeof exponents / sizeof *exponents; j++) {
      volatile double x = arguments[i], y = exponents[j];
      printf("pow(%g, %g) = %.13g, %.13g\n", x, y, pow(x, y), pow(-x, trunc(y)));
      printf("atan2 %.14g %.14g hypot %.14g\n", atan2(x, y), atan2(-y, x), hypot(x, y));
    }
  }
}

static void special_values(void) {
  volatile double zero = 0, one = 1, inf = INFINITY, nan = NAN;
  printf("%g %g %g %g\n", exp(inf), exp(-inf), log(zero), log(inf));
  printf("%d %d %d %d\n", isnan(log(-one)), isnan(sqrt(-one)), isnan(asin(2 * one)),
         isnan(fmod(one, zero)));
  printf("%g %g %g %g %g\n", pow(nan, zero), pow(one, nan), pow(zero, -one), pow(-zero, -one),
         pow(inf, -one));
  printf("%g %g %g %g\n", pow(-inf, 3), pow(-inf, 2), pow(-one, inf), pow(0.5, inf));
  printf("%d %d %g %g\n", isnan(sin(inf)), isnan(pow(-one, 0.5)), hypot(inf, nan),
         atan2(zero, -one));
  printf("%g %g %g\n", fmod(-7.5, 2), fmod(7.5, -2), fmod(1e300, 3));
  volatile double beyond[] = {1000 * one, -1000 * one, one};
  for (int i = 0; i < 3; i++) {
    errno = 0;
    double value = exp(beyond[i]);
    printf("%g %d ", value, errno == ERANGE);
  }
  errno = 0;
  int undefined = isnan(log(-one));
  printf("%d %d\n", undefined, errno == EDOM);
  printf("%ld %ld %ld %lld\n", lround(2.5), lround(-2.5), lrint(2.5), llround(-1e15));
}

int main(void) {
  elementary();
  powers();
  special_values();
  return 0;
}
