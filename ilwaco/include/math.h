/* ISO C mathematics. Double precision in SSE2 where the processor has it, the x87 for the rest. */
#ifndef ILWACO_MATH_H
#define ILWACO_MATH_H

#define HUGE_VAL __builtin_huge_val()
#define HUGE_VALF __builtin_huge_valf()
#define HUGE_VALL __builtin_huge_vall()
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

#define FP_NAN 0
#define FP_INFINITE 1
#define FP_ZERO 2
#define FP_SUBNORMAL 3
#define FP_NORMAL 4
#define fpclassify(x) \
  __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x)
#define isfinite(x) __builtin_isfinite(x)
#define isinf(x) __builtin_isinf_sign(x)
#define isnan(x) __builtin_isnan(x)
#define isnormal(x) __builtin_isnormal(x)
#define signbit(x) (__builtin_signbit(x) != 0)
#define isgreater(x, y) __builtin_isgreater(x, y)
#define isgreaterequal(x, y) __builtin_isgreaterequal(x, y)
#define isless(x, y) __builtin_isless(x, y)
#define islessequal(x, y) __builtin_islessequal(x, y)
#define islessgreater(x, y) __builtin_islessgreater(x, y)
#define isunordered(x, y) __builtin_isunordered(x, y)

typedef float float_t;
typedef double double_t;

#define M_E 2.7182818284590452354
#define M_LOG2E 1.4426950408889634074
#define M_LOG10E 0.43429448190325182765
#define M_LN2 0.69314718055994530942
#define M_LN10 2.30258509299404568402
#define M_PI 3.14159265358979323846
#define M_PI_2 1.57079632679489661923
#define M_PI_4 0.78539816339744830962
#define M_1_PI 0.31830988618379067154
#define M_2_PI 0.63661977236758134308
#define M_SQRT2 1.41421356237309504880
#define M_SQRT1_2 0.70710678118654752440

#define ILWACO_MATH_1(name) \
  double name(double x);    \
  float name##f(float x);
#define ILWACO_MATH_2(name)        \
  double name(double x, double y); \
  float name##f(float x, float y);

ILWACO_MATH_1(fabs)
ILWACO_MATH_1(floor)
ILWACO_MATH_1(ceil)
ILWACO_MATH_1(trunc)
ILWACO_MATH_1(round)
ILWACO_MATH_1(rint)
ILWACO_MATH_1(nearbyint)
ILWACO_MATH_1(sqrt)
ILWACO_MATH_1(cbrt)
ILWACO_MATH_1(exp)
ILWACO_MATH_1(exp2)
ILWACO_MATH_1(expm1)
ILWACO_MATH_1(log)
ILWACO_MATH_1(log2)
ILWACO_MATH_1(log10)
ILWACO_MATH_1(log1p)
ILWACO_MATH_1(sin)
ILWACO_MATH_1(cos)
ILWACO_MATH_1(tan)
ILWACO_MATH_1(asin)
ILWACO_MATH_1(acos)
ILWACO_MATH_1(atan)
ILWACO_MATH_1(sinh)
ILWACO_MATH_1(cosh)
ILWACO_MATH_1(tanh)
ILWACO_MATH_2(fmod)
ILWACO_MATH_2(pow)
ILWACO_MATH_2(atan2)
ILWACO_MATH_2(hypot)
ILWACO_MATH_2(fmin)
ILWACO_MATH_2(fmax)
ILWACO_MATH_2(fdim)
ILWACO_MATH_2(copysign)

double frexp(double x, int *exponent);
double ldexp(double x, int exponent);
double scalbn(double x, int exponent);
double modf(double x, double *integer);
long lround(double x);
long lrint(double x);
long long llround(double x);
long long llrint(double x);

#undef ILWACO_MATH_1
#undef ILWACO_MATH_2

#endif
