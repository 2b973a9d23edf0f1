/* The float forms: computed as double, rounded once more. */

#include <math.h>

#define FORM_1(name) \
  float name##f(float x) { return (float)name(x); }
#define FORM_2(name) \
  float name##f(float x, float y) { return (float)name(x, y); }

FORM_1(fabs)
FORM_1(floor)
FORM_1(ceil)
FORM_1(trunc)
FORM_1(round)
FORM_1(rint)
FORM_1(nearbyint)
FORM_1(cbrt)
FORM_1(exp)
FORM_1(exp2)
FORM_1(expm1)
FORM_1(log)
FORM_1(log2)
FORM_1(log10)
FORM_1(log1p)
FORM_1(sin)
FORM_1(cos)
FORM_1(tan)
FORM_1(asin)
FORM_1(acos)
FORM_1(atan)
FORM_1(sinh)
FORM_1(cosh)
FORM_1(tanh)
FORM_2(fmod)
FORM_2(pow)
FORM_2(atan2)
FORM_2(hypot)
FORM_2(fmin)
FORM_2(fmax)
FORM_2(fdim)
FORM_2(copysign)
