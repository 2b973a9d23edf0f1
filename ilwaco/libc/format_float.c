/* %e %f %g %a, correctly rounded for every precision (half to even) by exact decimal expansion. */

#include "decimal.h"
#include "float_parts.h"
#include "format.h"

#include <ctype.h>
#include <string.h>

#define DIGITS_PER_PIECE 32

static void emit_digits(struct sink *sink, const struct decimal *d, int from, int to) {
  char piece[DIGITS_PER_PIECE];
  while (from >= to) {
    size_t length = 0;
    while (length < sizeof piece && from >= to) {
      piece[length++] = (char)('0' + ilwaco_decimal_digit(d, from--));
    }
    ilwaco_emit(sink, piece, length);
  }
}

/* Writes a letter, a sign and at least `minimum` digits; returns the length. */
static size_t write_exponent(char *out, char letter, int exponent, int minimum) {
  char digits[8];
  int count = 0;
  unsigned magnitude = exponent < 0 ? 0u - (unsigned)exponent : (unsigned)exponent;
  do digits[count++] = (char)('0' + magnitude % 10);
  while ((magnitude /= 10) || count < minimum);
  size_t length = 0;
  out[length++] = letter;
  out[length++] = exponent < 0 ? '-' : '+';
  while (count) out[length++] = digits[--count];
  return length;
}

/* [digits from `high` to the units] [point] [`precision` digits] [exponent] */
static void emit_decimal(struct sink *sink, const struct conversion *conversion, int negative,
                         const struct decimal *d, int high, int units, int precision,
                         const char *exponent, size_t exponent_length) {
  int point = precision > 0 || conversion->flags & FLAG_ALTERNATE;
  size_t length = (size_t)(high - units + 1) + (size_t)point + (size_t)precision + exponent_length;
  long behind = ilwaco_emit_prefix(sink, conversion, ilwaco_sign(conversion, negative), length,
                                   conversion->flags & FLAG_ZERO);
  emit_digits(sink, d, high, units);
  if (point) ilwaco_emit(sink, ".", 1);
  /* A precision may be far beyond the last digit. */
  int last = d->first < d->end ? ilwaco_decimal_lowest(d) : units;
  int shown = units - last < precision ? units - last : precision;
  if (shown < 0) shown = 0;
  emit_digits(sink, d, units - 1, units - shown);
  ilwaco_emit_repeated(sink, '0', precision - shown);
  ilwaco_emit(sink, exponent, exponent_length);
  ilwaco_emit_repeated(sink, ' ', behind);
}

static void format_fixed(struct sink *sink, const struct conversion *conversion, int negative,
                         const struct decimal *d, int precision) {
  int high = d->first < d->end ? ilwaco_decimal_highest(d) : 0;
  emit_decimal(sink, conversion, negative, d, high > 0 ? high : 0, 0, precision, "", 0);
}

static void format_scientific(struct sink *sink, const struct conversion *conversion, int negative,
                              const struct decimal *d, int precision) {
  char exponent[12];
  int high = d->first < d->end ? ilwaco_decimal_highest(d) : 0;
  char letter = isupper((unsigned char)conversion->type) ? 'E' : 'e';
  size_t length = write_exponent(exponent, letter, high, 2);
  emit_decimal(sink, conversion, negative, d, high, high, precision, exponent, length);
}

/* Far places cannot be reached by int arithmetic and hold only zeros. */
static int bounded(int precision) { return precision < 20000 ? precision : 20000; }

static void format_general(struct sink *sink, const struct conversion *conversion, int negative,
                           struct decimal *d, int precision) {
  if (precision == 0) precision = 1;
  int high = 0, low = 0;
  if (d->first < d->end) {
    ilwaco_decimal_round(d, ilwaco_decimal_highest(d) - (bounded(precision) - 1));
    high = ilwaco_decimal_highest(d);
    low = ilwaco_decimal_lowest(d);
  }
  int keep_zeros = conversion->flags & FLAG_ALTERNATE;
  if (high >= -4 && high < precision) {
    int fixed = precision - 1 - high;
    if (!keep_zeros && fixed > -low) fixed = low < 0 ? -low : 0;
    format_fixed(sink, conversion, negative, d, fixed);
  } else {
    int digits = precision - 1;
    if (!keep_zeros && digits > high - low) digits = high - low;
    format_scientific(sink, conversion, negative, d, digits);
  }
}

static void format_decimal(struct sink *sink, const struct conversion *conversion,
                           const struct float_parts *parts, struct decimal *d) {
  int precision = conversion->precision < 0 ? 6 : conversion->precision;
  ilwaco_decimal_set(d, parts->significand);
  ilwaco_decimal_shift(d, parts->exponent);
  switch (tolower((unsigned char)conversion->type)) {
    case 'f':
      ilwaco_decimal_round(d, -bounded(precision));
      format_fixed(sink, conversion, parts->negative, d, precision);
      break;
    case 'e':
      if (d->first < d->end) {
        ilwaco_decimal_round(d, ilwaco_decimal_highest(d) - bounded(precision));
      }
      format_scientific(sink, conversion, parts->negative, d, precision);
      break;
    default: format_general(sink, conversion, parts->negative, d, precision);
  }
}

/*
 * %a. `hex_digits` stand behind the point; the significand's bits above them are the leading digit:
 * 0 or 1 for double, 0 or 8..f for long double, as in glibc.
 */
static void format_hexadecimal(struct sink *sink, const struct conversion *conversion,
                               const struct float_parts *parts, int hex_digits) {
  int upper = conversion->type == 'A';
  const char *letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  uint64_t significand = parts->significand;
  int exponent = significand ? parts->exponent + hex_digits * 4 : 0;
  int precision = conversion->precision;
  unsigned lead = (unsigned)(significand >> (hex_digits * 4));
  uint64_t fraction = significand & ((1ull << (hex_digits * 4)) - 1);

  if (precision < 0) {
    for (precision = hex_digits;
         precision > 0 && !(fraction >> ((hex_digits - precision) * 4) & 15);) {
      precision--;
    }
  }
  int shown = precision < hex_digits ? precision : hex_digits;
  int dropped_bits = (hex_digits - shown) * 4;
  if (dropped_bits) {
    uint64_t rest = fraction & ((1ull << dropped_bits) - 1), half = 1ull << (dropped_bits - 1);
    fraction >>= dropped_bits;
    unsigned odd = (unsigned)(shown ? fraction : lead) & 1;
    if (rest > half || (rest == half && odd)) fraction++;
    lead += (unsigned)(fraction >> (shown * 4));
    fraction &= (1ull << (shown * 4)) - 1;
  }
  if (lead == 16) { /* long double: f.8 rounds to 10 */
    lead = 1;
    exponent += 4;
  }

  char text[48], prefix[4];
  size_t length = 0;
  text[length++] = letters[lead];
  if (precision > 0 || conversion->flags & FLAG_ALTERNATE) text[length++] = '.';
  for (int digit = shown - 1; digit >= 0; digit--)
    text[length++] = letters[fraction >> (digit * 4) & 15];
  char exponent_text[12];
  size_t exponent_length = write_exponent(exponent_text, upper ? 'P' : 'p', exponent, 1);
  size_t zeros = (size_t)(precision - shown);

  strcpy(prefix, ilwaco_sign(conversion, parts->negative));
  strcat(prefix, upper ? "0X" : "0x");
  long behind = ilwaco_emit_prefix(sink, conversion, prefix, length + zeros + exponent_length,
                                   conversion->flags & FLAG_ZERO);
  ilwaco_emit(sink, text, length);
  ilwaco_emit_repeated(sink, '0', (long)zeros);
  ilwaco_emit(sink, exponent_text, exponent_length);
  ilwaco_emit_repeated(sink, ' ', behind);
}

/* Infinities, NaNs and %a; returns 0 for what needs a decimal expansion. */
static int format_special(struct sink *sink, const struct conversion *conversion,
                          const struct float_parts *parts, int hex_digits) {
  if (parts->kind != FLOAT_FINITE) {
    int upper = isupper((unsigned char)conversion->type);
    const char *text = parts->kind == FLOAT_NAN ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
    long behind =
        ilwaco_emit_prefix(sink, conversion, ilwaco_sign(conversion, parts->negative), 3, 0);
    ilwaco_emit(sink, text, 3);
    ilwaco_emit_repeated(sink, ' ', behind);
    return 1;
  }
  if (tolower((unsigned char)conversion->type) != 'a') return 0;
  format_hexadecimal(sink, conversion, parts, hex_digits);
  return 1;
}

void ilwaco_format_double(struct sink *sink, struct conversion *conversion, double value) {
  struct float_parts parts = ilwaco_double_parts(value);
  if (format_special(sink, conversion, &parts, 13)) return;
  uint32_t limbs[DECIMAL_DOUBLE_LIMBS];
  struct decimal d = {.limbs = limbs, .point = DECIMAL_DOUBLE_POINT};
  format_decimal(sink, conversion, &parts, &d);
}

void ilwaco_format_long_double(struct sink *sink, struct conversion *conversion,
                               long double value) {
  struct float_parts parts = ilwaco_long_double_parts(value);
  if (format_special(sink, conversion, &parts, 15)) return;
  uint32_t limbs[DECIMAL_LONG_LIMBS];
  struct decimal d = {.limbs = limbs, .point = DECIMAL_LONG_POINT};
  format_decimal(sink, conversion, &parts, &d);
}
