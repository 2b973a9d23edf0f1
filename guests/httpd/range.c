/* See range.h. */
#include "range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* A decimal number, as large as it may be: what does not fit is UINT64_MAX. */
static const char *read_number(const char *text, uint64_t *value) {
  for (*value = 0; is_digit(*text); text++) {
    unsigned digit = (unsigned)(*text - '0');
    *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
  }
  return text;
}

static const char *skip_space(const char *text) { return text + strspn(text, " \t"); }

enum range range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *end) {
  if (!value || strncasecmp(value, "bytes=", 6) != 0) return RANGE_IGNORED;
  const char *at = skip_space(value + 6);
  uint64_t low, high = UINT64_MAX;
  int suffix = *at == '-';
  if (suffix) at++;
  if (!is_digit(*at)) return RANGE_IGNORED;
  at = read_number(at, &low);
  if (!suffix) {
    if (*at++ != '-') return RANGE_IGNORED;
    if (is_digit(*at)) at = read_number(at, &high);
    if (high < low) return RANGE_IGNORED;
  }
  if (*skip_space(at)) return RANGE_IGNORED; /* several ranges, or no range at all */
  if (suffix) {
    if (low == 0 || size == 0) return RANGE_UNSATISFIABLE;
    *first = low < size ? size - low : 0;
    *end = size;
    return RANGE_ONE;
  }
  if (low >= size) return RANGE_UNSATISFIABLE;
  *first = low;
  *end = high < size ? high + 1 : size;
  return RANGE_ONE;
}
