/* What stands behind a '%': [n$] flags width . precision length type (ISO C 7.21.6.1). */

#include "format.h"

#include <ctype.h>
#include <limits.h>

static const char *parse_flags(const char *p, unsigned *flags) {
  for (;; p++) {
    switch (*p) {
      case '-': *flags |= FLAG_LEFT; break;
      case '+': *flags |= FLAG_PLUS; break;
      case ' ': *flags |= FLAG_SPACE; break;
      case '#': *flags |= FLAG_ALTERNATE; break;
      case '0': *flags |= FLAG_ZERO; break;
      case '\'': break; /* no grouping in the "C" locale */
      default: return p;
    }
  }
}

static const char *parse_number(const char *p, int *number) {
  int value = 0;
  for (; isdigit((unsigned char)*p); p++) {
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, *p - '0', &value)) {
      value = INT_MAX;
    }
  }
  *number = value;
  return p;
}

static const char *parse_length(const char *p, enum length *length) {
  *length = NONE;
  switch (*p) {
    case 'h': return p[1] == 'h' ? (*length = CHAR, p + 2) : (*length = SHORT, p + 1);
    case 'l': return p[1] == 'l' ? (*length = LONG_LONG, p + 2) : (*length = LONG, p + 1);
    case 'q': return *length = LONG_LONG, p + 1;
    case 'j': return *length = MAXIMUM, p + 1;
    case 'z': return *length = SIZE, p + 1;
    case 't': return *length = POINTER_DIFFERENCE, p + 1;
    case 'L': return *length = LONG_DOUBLE, p + 1;
    default: return p;
  }
}

/* A number and '$' at *p: returns the number and moves *p behind; 0 if there is none. */
static int parse_position(const char **p) {
  int number;
  const char *behind = parse_number(*p, &number);
  if (behind == *p || *behind != '$') return 0;
  *p = behind + 1;
  return number;
}

/* [n$] flags width . precision: everything before the letters. */
static const char *parse_numbers(const char *p, struct directive *d) {
  d->position = parse_position(&p);
  p = parse_flags(p, &d->conversion.flags);
  if (*p == '*') {
    p++;
    d->width_from = parse_position(&p);
  } else {
    p = parse_number(p, &d->conversion.width);
  }
  if (*p == '.') {
    p++;
    if (*p == '*') {
      p++;
      d->precision_from = parse_position(&p);
    } else {
      p = parse_number(p, &d->conversion.precision);
    }
  }
  return p;
}

const char *ilwaco_parse_directive(const char *p, struct directive *d) {
  *d = (struct directive){{0, 0, -1, 0}, NONE, 0, -1, -1};
  /* All of these start with a character up to '9', and most directives have none of them. */
  if ((unsigned char)*p <= '9') p = parse_numbers(p, d);
  p = parse_length(p, &d->length);
  d->conversion.type = *p;
  return *p ? p + 1 : p;
}
