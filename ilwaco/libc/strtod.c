/*
 * Text to floating point, correctly rounded (half to even): ISO C 7.22.1.3. The decimal digits are
 * scaled by a power of two until the integer part has 64 bits; what is behind the point only
 * decides the rounding. At most DIGITS_KEPT digits are kept and a 1 stands for any others that are
 * not 0: exact for double (768 digits decide), and for long double unless the first 800 digits are
 * exactly a half way.
 */

#include "decimal.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS_KEPT 800
#define EXPONENT_BOUND 100000 /* everything beyond over- or underflows */

struct target {
  int bits; /* of the significand, the leading one included */
  int minimum,
      maximum; /* exponent of the lowest bit of a subnormal; largest of a number's highest bit */
};

static const struct target float_target = {24, -149, 127};
static const struct target double_target = {53, -1074, 1023};
static const struct target long_target = {64, -16445, 16383};

/* significand * 2^exponent; `infinite` and `nan` exclude each other. */
struct result {
  uint64_t significand;
  int exponent;
  int negative, infinite, nan;
};

/* Rounds (significand + rest) * 2^exponent to the target. */
static void round_to(const struct target *target, uint64_t significand, int exponent,
                     enum decimal_rest rest, struct result *result) {
  if (!significand && !rest) return;
  int length = significand ? 64 - __builtin_clzll(significand) : 0;
  int drop = length - target->bits;
  if (drop < target->minimum - exponent) drop = target->minimum - exponent; /* subnormal */
  int half = rest >= REST_HALF, below = rest == REST_BELOW_HALF || rest == REST_ABOVE_HALF;
  if (drop > 64) {
    half = 0, below = 1, significand = 0;
  } else if (drop > 0) {
    half = (int)(significand >> (drop - 1) & 1);
    below = (significand & ((1ull << (drop - 1)) - 1)) != 0 || rest;
    significand = drop == 64 ? 0 : significand >> drop;
  }
  if (drop > 0) exponent += drop;
  if (half && (below || (significand & 1)) && ++significand == 0) { /* 2^64 */
    significand = 1ull << 63;
    exponent++;
  }
  int subnormal = !significand || 64 - __builtin_clzll(significand) < target->bits;
  if (subnormal && (half || below)) errno = ERANGE;
  result->significand = significand;
  result->exponent = exponent;
  if (significand && exponent + 63 - __builtin_clzll(significand) > target->maximum) {
    result->infinite = 1;
    errno = ERANGE;
  }
}

static void convert_decimal(const struct target *target, struct decimal *d, struct result *result) {
  int exponent = 0;
  /* To 18 or 19 digits before the point, by 3 bits for each (a digit has 3.32): below 2^64. */
  for (int digits; digits = ilwaco_decimal_highest(d) + 1, digits < 18 || digits > 19;) {
    int bits = digits < 18 ? (19 - digits) * 3 : (18 - digits) * 3;
    ilwaco_decimal_shift(d, bits);
    exponent -= bits;
  }
  enum decimal_rest rest;
  int room = __builtin_clzll(ilwaco_decimal_integer(d, &rest));
  ilwaco_decimal_shift(d, room);
  uint64_t integer = ilwaco_decimal_integer(d, &rest);
  round_to(target, integer, exponent - room, rest, result);
}

/* Exponent part at `p` ("e-5"), if there is one; moves *p behind it. */
static int parse_exponent(const char **p, char letter) {
  const char *q = *p;
  if (tolower((unsigned char)*q) != letter) return 0;
  q++;
  int negative = *q == '-';
  if (*q == '-' || *q == '+') q++;
  if (!isdigit((unsigned char)*q)) return 0;
  int value = 0;
  for (; isdigit((unsigned char)*q); q++) {
    if (value < EXPONENT_BOUND) value = value * 10 + (*q - '0');
  }
  *p = q;
  return negative ? -value : value;
}

/* Collects decimal digits into limbs so that the number is limbs * 10^(9n) with the right place. */
struct digits {
  char text[DIGITS_KEPT + 1];
  int count;
  int exponent; /* of ten, of the last digit in text */
};

static const char *parse_digits(const char *p, struct digits *digits) {
  int seen = 0, point = 0;
  digits->count = digits->exponent = 0;
  int dropped = 0;
  const char *start = p;
  for (;; p++) {
    if (*p == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isdigit((unsigned char)*p)) break;
    seen = 1;
    if (digits->count < DIGITS_KEPT) {
      if (digits->count || *p != '0') digits->text[digits->count++] = (char)(*p - '0');
      if (point) digits->exponent--;
    } else {
      dropped |= *p != '0';
      if (!point) digits->exponent++;
    }
  }
  if (!seen) return start;
  if (dropped) {
    digits->text[digits->count++] = 1;
    digits->exponent--;
  }
  int exponent = parse_exponent(&p, 'e');
  digits->exponent += exponent;
  return p;
}

static int floor_divide(int a, int b) { return a / b - (a % b < 0); }

static void limbs_from_digits(struct decimal *d, const struct digits *digits) {
  int highest = digits->exponent + digits->count - 1;
  d->first = d->point - 1 - floor_divide(highest, 9);
  d->end = d->point - floor_divide(digits->exponent, 9);
  memset(d->limbs + d->first, 0, (size_t)(d->end - d->first) * sizeof *d->limbs);
  for (int i = 0; i < digits->count; i++) {
    int place = highest - i;
    uint32_t *limb = &d->limbs[d->point - 1 - floor_divide(place, 9)];
    *limb = *limb * 10 + (uint32_t)digits->text[i];
  }
  for (int place = digits->exponent; floor_divide(place, 9) * 9 != place; place--) {
    d->limbs[d->end - 1] *= 10;
  }
  while (d->first < d->end && !d->limbs[d->end - 1]) d->end--;
}

/* Numbers whose digits and power of ten are both exact doubles: one rounding (Clinger 1990). */
static int convert_fast(const struct digits *digits, double *value) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (digits->count > 15 || digits->exponent < -22 || digits->exponent > 22) return 0;
  int64_t integer = 0;
  for (int i = 0; i < digits->count; i++) integer = integer * 10 + digits->text[i];
  *value = digits->exponent < 0 ? (double)integer / powers[-digits->exponent]
                                : (double)integer * powers[digits->exponent];
  return 1;
}

static const char *parse_hexadecimal(const char *p, const struct target *target,
                                     struct result *result) {
  uint64_t significand = 0;
  int exponent = 0, point = 0, more = 0;
  unsigned guard = 0, guard_bits = 0; /* the first digit for which there was no room */
  for (;; p++) {
    if (*p == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isxdigit((unsigned char)*p)) break;
    unsigned digit =
        (unsigned)(isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10);
    if (!(significand >> 60)) {
      significand = significand << 4 | digit;
      if (point) exponent -= 4;
      continue;
    }
    if (!guard_bits) {
      guard = digit;
      guard_bits = 4;
    } else {
      more |= digit != 0;
    }
    if (!point && exponent < EXPONENT_BOUND) exponent += 4;
  }
  exponent += parse_exponent(&p, 'p');
  if (!significand) return p;
  for (; guard_bits && !(significand >> 63); exponent--) {
    significand = significand << 1 | (guard >> --guard_bits & 1);
  }
  guard = guard_bits ? (guard & ((1u << guard_bits) - 1)) << (4 - guard_bits) : 0;
  enum decimal_rest rest = guard > 8 || (guard == 8 && more) ? REST_ABOVE_HALF
                           : guard == 8                      ? REST_HALF
                           : guard || more                   ? REST_BELOW_HALF
                                                             : REST_NONE;
  round_to(target, significand, exponent, rest, result);
  return p;
}

static const char *parse_word(const char *p, struct result *result) {
  if (strncasecmp(p, "inf", 3) == 0) {
    result->infinite = 1;
    return p + (strncasecmp(p + 3, "inity", 5) == 0 ? 8 : 3);
  }
  if (strncasecmp(p, "nan", 3) != 0) return p;
  result->nan = 1;
  p += 3;
  if (*p != '(') return p;
  const char *q = p + 1;
  while (isalnum((unsigned char)*q) || *q == '_') q++;
  return *q == ')' ? q + 1 : p;
}

/* Sign, then infinity, NaN or a hexadecimal number. Returns 1 if it was one of these. */
static int parse_start(const char **text, const struct target *target, struct result *result,
                       char **end) {
  const char *p = *text;
  while (isspace((unsigned char)*p)) p++;
  result->negative = *p == '-';
  if (*p == '-' || *p == '+') p++;
  const char *behind = parse_word(p, result);
  if (behind == p && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') &&
      (isxdigit((unsigned char)p[2]) || (p[2] == '.' && isxdigit((unsigned char)p[3])))) {
    behind = parse_hexadecimal(p + 2, target, result);
  }
  *text = p;
  if (behind == p) return 0;
  if (end) *end = (char *)behind;
  return 1;
}

/* The decimal exponent is bounded so that the limbs suffice. */
static void convert_digits(const struct target *target, const struct digits *digits,
                           struct decimal *d, struct result *result) {
  int highest = digits->exponent + digits->count - 1;
  int limit = target->maximum * 3 / 10 + 20; /* decimal digits of the largest number, and some */
  if (!digits->count) return;
  if (highest > limit) {
    result->infinite = 1;
    errno = ERANGE;
  } else if (highest < -limit - 40) {
    errno = ERANGE;
  } else {
    limbs_from_digits(d, digits);
    convert_decimal(target, d, result);
  }
}

static double make_double(const struct result *result) {
  uint64_t bits;
  if (result->nan) {
    bits = 0x7ff8ull << 48;
  } else if (result->infinite) {
    bits = 0x7ffull << 52;
  } else if (!result->significand) {
    bits = 0;
  } else {
    /* Normalised to 53 bits, or a subnormal with exponent -1074. */
    uint64_t significand = result->significand;
    int exponent = result->exponent;
    while (!(significand >> 52) && exponent > double_target.minimum) significand <<= 1, exponent--;
    while (significand >> 53) significand >>= 1, exponent++; /* zeros: it was rounded */
    bits = significand >> 52
               ? (uint64_t)(exponent + 1075) << 52 | (significand & 0xfffffffffffffull)
               : significand;
  }
  bits |= (uint64_t)result->negative << 63;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* `target` is float or double; a float's value is exact as a double. */
static double to_double(const char *text, char **end, const struct target *target) {
  struct result result = {0};
  struct digits digits;
  const char *p = text;
  if (parse_start(&p, target, &result, end)) return make_double(&result);
  const char *behind = parse_digits(p, &digits);
  if (end) *end = (char *)(behind == p ? text : behind);
  if (behind == p) return 0;
  double value;
  if (target == &double_target && convert_fast(&digits, &value))
    return result.negative ? -value : value;
  uint32_t limbs[DECIMAL_DOUBLE_LIMBS];
  struct decimal d = {.limbs = limbs, .point = DECIMAL_DOUBLE_POINT};
  convert_digits(target, &digits, &d, &result);
  return make_double(&result);
}

double strtod(const char *text, char **end) { return to_double(text, end, &double_target); }
float strtof(const char *text, char **end) { return (float)to_double(text, end, &float_target); }
double atof(const char *text) { return strtod(text, NULL); }

static long double make_long_double(const struct result *result) {
  struct {
    uint64_t significand;
    uint16_t sign_exponent;
  } x87 = {result->significand, 0};
  if (result->nan) {
    x87.significand = 3ull << 62;
    x87.sign_exponent = 0x7fff;
  } else if (result->infinite) {
    x87.significand = 1ull << 63;
    x87.sign_exponent = 0x7fff;
  } else if (x87.significand) {
    int exponent = result->exponent;
    while (!(x87.significand >> 63) && exponent > long_target.minimum)
      x87.significand <<= 1, exponent--;
    x87.sign_exponent = x87.significand >> 63 ? (uint16_t)(exponent + 16446) : 0;
  }
  x87.sign_exponent |= (uint16_t)(result->negative << 15);
  long double value = 0;
  memcpy(&value, &x87, 10);
  return value;
}

long double strtold(const char *text, char **end) {
  struct result result = {0};
  struct digits digits;
  const char *p = text;
  if (parse_start(&p, &long_target, &result, end)) return make_long_double(&result);
  const char *behind = parse_digits(p, &digits);
  if (end) *end = (char *)(behind == p ? text : behind);
  if (behind == p) return 0;
  uint32_t limbs[DECIMAL_LONG_LIMBS];
  struct decimal d = {.limbs = limbs, .point = DECIMAL_LONG_POINT};
  convert_digits(&long_target, &digits, &d, &result);
  return make_long_double(&result);
}
