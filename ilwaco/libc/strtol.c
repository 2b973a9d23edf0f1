/* Text to integers: ISO C 7.22.1.4. Out of range: the nearest value and ERANGE. */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

static int digit_of(char c) {
  if (isdigit((unsigned char)c)) return c - '0';
  if (isalpha((unsigned char)c)) return tolower((unsigned char)c) - 'a' + 10;
  return 36;
}

struct parsed {
  unsigned long long magnitude;
  int negative;
  int overflow; /* of 64 bits */
};

static struct parsed parse(const char *text, char **end, int base) {
  struct parsed result = {0, 0, 0};
  if (end) *end = (char *)text;
  if (base < 0 || base == 1 || base > 36) {
    errno = EINVAL;
    return result;
  }
  while (isspace((unsigned char)*text)) text++;
  if (*text == '-' || *text == '+') result.negative = *text++ == '-';
  if ((base == 0 || base == 16) && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
      digit_of(text[2]) < 16) {
    text += 2;
    base = 16;
  }
  if (base == 0) base = *text == '0' ? 8 : 10;
  if (digit_of(*text) >= base) return result;
  for (int digit; (digit = digit_of(*text)) < base; text++) {
    if (__builtin_mul_overflow(result.magnitude, (unsigned long long)base, &result.magnitude) ||
        __builtin_add_overflow(result.magnitude, (unsigned long long)digit, &result.magnitude)) {
      result.overflow = 1;
    }
  }
  if (end) *end = (char *)text;
  return result;
}

/* `minimum` is a magnitude. */
static long long to_signed(struct parsed p, unsigned long long minimum,
                           unsigned long long maximum) {
  unsigned long long bound = p.negative ? minimum : maximum;
  if (p.overflow || p.magnitude > bound) {
    errno = ERANGE;
    p.magnitude = bound;
  }
  return (long long)(p.negative ? 0 - p.magnitude : p.magnitude);
}

static unsigned long long to_unsigned(struct parsed p, unsigned long long maximum) {
  if (p.overflow || p.magnitude > maximum) {
    errno = ERANGE;
    return maximum;
  }
  return p.negative ? 0 - p.magnitude : p.magnitude;
}

long strtol(const char *text, char **end, int base) {
  return (long)to_signed(parse(text, end, base), (unsigned long long)LONG_MAX + 1, LONG_MAX);
}

long long strtoll(const char *text, char **end, int base) {
  return to_signed(parse(text, end, base), (unsigned long long)LLONG_MAX + 1, LLONG_MAX);
}

unsigned long strtoul(const char *text, char **end, int base) {
  return (unsigned long)to_unsigned(parse(text, end, base), ULONG_MAX);
}

unsigned long long strtoull(const char *text, char **end, int base) {
  return to_unsigned(parse(text, end, base), ULLONG_MAX);
}

intmax_t strtoimax(const char *text, char **end, int base) { return strtoll(text, end, base); }
uintmax_t strtoumax(const char *text, char **end, int base) { return strtoull(text, end, base); }

int atoi(const char *text) { return (int)strtol(text, NULL, 10); }
long atol(const char *text) { return strtol(text, NULL, 10); }
long long atoll(const char *text) { return strtoll(text, NULL, 10); }
