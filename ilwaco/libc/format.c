/*
 * The printf family's engine: ISO C 7.21.6.1 and POSIX's numbered arguments. NULL for %s and %p
 * prints as glibc prints it. Wide characters (%lc, %ls) are written as UTF-8.
 */

#include "format.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_NUMBERED_MAXIMUM 32

void ilwaco_emit(struct sink *sink, const char *text, size_t length) {
  if (!length) return;
  sink->written += length;
  sink->write(sink, text, length);
}

void ilwaco_emit_repeated(struct sink *sink, char c, long count) {
  char run[32];
  if (count <= 0) return;
  memset(run, c, sizeof run);
  for (; count > (long)sizeof run; count -= (long)sizeof run) ilwaco_emit(sink, run, sizeof run);
  ilwaco_emit(sink, run, (size_t)count);
}

long ilwaco_emit_prefix(struct sink *sink, const struct conversion *conversion, const char *prefix,
                        size_t length, int zero_pad) {
  size_t prefix_length = strlen(prefix);
  long padding = conversion->width - (long)(prefix_length + length);
  if (padding < 0) padding = 0;
  if (conversion->flags & FLAG_LEFT) {
    ilwaco_emit(sink, prefix, prefix_length);
    return padding;
  }
  if (!zero_pad) ilwaco_emit_repeated(sink, ' ', padding);
  ilwaco_emit(sink, prefix, prefix_length);
  if (zero_pad) ilwaco_emit_repeated(sink, '0', padding);
  return 0;
}

const char *ilwaco_sign(const struct conversion *conversion, int negative) {
  if (negative) return "-";
  if (conversion->flags & FLAG_PLUS) return "+";
  return conversion->flags & FLAG_SPACE ? " " : "";
}

static void emit_padded(struct sink *sink, const struct conversion *conversion, const char *text,
                        size_t length) {
  if (!conversion->width) {
    ilwaco_emit(sink, text, length);
    return;
  }
  long behind = ilwaco_emit_prefix(sink, conversion, "", length, 0);
  ilwaco_emit(sink, text, length);
  ilwaco_emit_repeated(sink, ' ', behind);
}

/* Writes the digits of `value` before `end` and returns the first; none for 0. */
static char *write_digits(char *end, uint64_t value, unsigned base, const char *digits) {
  while (value > UINT32_MAX) {
    *--end = digits[value % base];
    value /= base;
  }
  for (uint32_t low = (uint32_t)value; low; low /= base) *--end = digits[low % base];
  return end;
}

static void format_integer(struct sink *sink, const struct conversion *conversion, uint64_t value,
                           int negative) {
  char type = conversion->type;
  unsigned base = type == 'x' || type == 'X' || type == 'p' ? 16 : type == 'o' ? 8 : 10;
  const char *prefix = type == 'd' ? ilwaco_sign(conversion, negative) : "";
  char buffer[24], *end = buffer + sizeof buffer;
  char *text =
      write_digits(end, value, base, type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
  if (!conversion->width && !conversion->flags && conversion->precision < 0) { /* the usual one */
    if (text == end) *--text = '0';
    if (negative) *--text = '-';
    ilwaco_emit(sink, text, (size_t)(end - text));
    return;
  }
  long digits = end - text;
  long zeros = (conversion->precision < 0 ? 1 : conversion->precision) - digits;
  if (zeros < 0) zeros = 0;
  if (conversion->flags & FLAG_ALTERNATE) {
    if (base == 16 && value) prefix = type == 'X' ? "0X" : "0x";
    if (base == 8 && !zeros) zeros = 1;
  }
  int zero_pad = conversion->flags & FLAG_ZERO && conversion->precision < 0;
  long behind = ilwaco_emit_prefix(sink, conversion, prefix, (size_t)(zeros + digits), zero_pad);
  ilwaco_emit_repeated(sink, '0', zeros);
  ilwaco_emit(sink, text, (size_t)digits);
  ilwaco_emit_repeated(sink, ' ', behind);
}

static void format_pointer(struct sink *sink, struct conversion *conversion, const void *pointer) {
  if (!pointer) {
    emit_padded(sink, conversion, "(nil)", 5);
    return;
  }
  conversion->flags |= FLAG_ALTERNATE;
  format_integer(sink, conversion, (uintptr_t)pointer, 0);
}

static void format_string(struct sink *sink, const struct conversion *conversion,
                          const char *text) {
  size_t limit = conversion->precision < 0 ? SIZE_MAX : (size_t)conversion->precision;
  if (!text) text = limit >= 6 ? "(null)" : "";
  emit_padded(sink, conversion, text, limit == SIZE_MAX ? strlen(text) : strnlen(text, limit));
}

static size_t encode_utf8(char *out, uint32_t c) {
  if (c < 0x80) return out[0] = (char)c, 1;
  size_t bytes = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = bytes - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> bytes & 0xff) | c);
  return bytes;
}

static void format_wide_string(struct sink *sink, const struct conversion *conversion,
                               const wchar_t *text) {
  char piece[4];
  if (!text) text = L"(null)";
  size_t limit = conversion->precision < 0 ? SIZE_MAX : (size_t)conversion->precision, length = 0;
  const wchar_t *end = text;
  for (size_t bytes; length < limit && *end; end++, length += bytes) {
    bytes = encode_utf8(piece, (uint32_t)*end);
    if (bytes > limit - length) break;
  }
  long behind = ilwaco_emit_prefix(sink, conversion, "", length, 0);
  for (; text != end; text++) ilwaco_emit(sink, piece, encode_utf8(piece, (uint32_t)*text));
  ilwaco_emit_repeated(sink, ' ', behind);
}

static void store_count(void *to, enum length length, size_t count) {
  switch (length) {
    case CHAR: *(signed char *)to = (signed char)count; break;
    case SHORT: *(short *)to = (short)count; break;
    case LONG_LONG:
    case MAXIMUM: *(long long *)to = (long long)count; break;
    default: *(int *)to = (int)count;
  }
}

/* ---- arguments: one after the other, or by number as in "%2$s" */

union argument {
  uint64_t integer; /* sign-extended if it was narrower */
  void *pointer;
  double real;
  long double long_real;
};

struct arguments {
  va_list list;
  union argument *numbered; /* NULL: not used */
};

enum argument_class { UNKNOWN, INTEGER, POINTER, REAL };

static enum argument_class class_of(char type) {
  switch (type) {
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
    case 'c': return INTEGER;
    case 's':
    case 'p':
    case 'n': return POINTER;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A': return REAL;
    default: return UNKNOWN;
  }
}

static void next_argument(union argument *a, va_list *list, enum argument_class class,
                          enum length length) {
  if (class == POINTER) {
    a->pointer = va_arg(*list, void *);
  } else if (class == REAL) {
    if (length == LONG_DOUBLE) {
      a->long_real = va_arg(*list, long double);
    } else {
      a->real = va_arg(*list, double);
    }
  } else if (length == LONG_LONG || length == MAXIMUM) {
    a->integer = va_arg(*list, uint64_t);
  } else {
    a->integer = (uint64_t)(int64_t)va_arg(*list, int);
  }
}

/* Narrows an integer argument to the type that the length modifier names. */
static uint64_t convert_integer(uint64_t value, char type, enum length length) {
  int is_signed = type == 'd';
  switch (length) {
    case CHAR: return is_signed ? (uint64_t)(int64_t)(signed char)value : (unsigned char)value;
    case SHORT: return is_signed ? (uint64_t)(int64_t)(short)value : (unsigned short)value;
    case LONG_LONG:
    case MAXIMUM: return value;
    default: return is_signed ? value : (uint32_t)value;
  }
}

/* ---- formatting */

/* Fetches all arguments of a format with numbers, in order. Returns 0 if a number is out of range.
 */
static int fetch_numbered(struct arguments *arguments, const char *format,
                          union argument *values) {
  struct {
    char type;
    enum length length;
  } types[ARGUMENTS_NUMBERED_MAXIMUM + 1] = {{0}};
  int count = 0;
  for (const char *p = format; (p = strchr(p, '%'));) {
    struct directive d;
    p = ilwaco_parse_directive(p + 1, &d);
    int wanted[3] = {d.position, d.width_from, d.precision_from};
    for (int i = 0; i < 3; i++) {
      if (wanted[i] <= 0) continue;
      if (wanted[i] > ARGUMENTS_NUMBERED_MAXIMUM) return 0;
      types[wanted[i]].type = i ? 'd' : d.conversion.type;
      types[wanted[i]].length = i ? NONE : d.length;
      if (wanted[i] > count) count = wanted[i];
    }
  }
  for (int i = 1; i <= count; i++) {
    next_argument(&values[i], &arguments->list, class_of(types[i].type), types[i].length);
  }
  return 1;
}

static void fetch(union argument *a, struct arguments *arguments, int position,
                  enum argument_class class, enum length length) {
  if (arguments->numbered && position > 0) {
    *a = arguments->numbered[position];
  } else {
    next_argument(a, &arguments->list, class, length);
  }
}

static int fetch_int(struct arguments *arguments, int position) {
  union argument a;
  fetch(&a, arguments, position, INTEGER, NONE);
  return (int)a.integer;
}

static void resolve_stars(struct arguments *arguments, struct directive *d) {
  struct conversion *c = &d->conversion;
  if (d->width_from >= 0) {
    c->width = fetch_int(arguments, d->width_from);
    if (c->width < 0) {
      c->flags |= FLAG_LEFT;
      c->width = c->width == INT_MIN ? INT_MAX : -c->width;
    }
  }
  if (d->precision_from >= 0) {
    c->precision = fetch_int(arguments, d->precision_from);
    if (c->precision < 0) c->precision = -1;
  }
}

/* Returns 0 if the directive is none of the standard's. */
static int format_directive(struct sink *sink, struct directive *d, struct arguments *arguments) {
  struct conversion *c = &d->conversion;
  resolve_stars(arguments, d);
  if (c->type == '%') return ilwaco_emit(sink, "%", 1), 1;
  if (c->type == 'm') return format_string(sink, c, strerror(errno)), 1;
  enum argument_class class = class_of(c->type);
  if (class == UNKNOWN) return 0;
  if (c->type == 'i') c->type = 'd';
  union argument a;
  fetch(&a, arguments, d->position, class, d->length);
  switch (c->type) {
    case 'c': {
      char character[4] = {(char)a.integer};
      size_t bytes = d->length == LONG ? encode_utf8(character, (uint32_t)a.integer) : 1;
      emit_padded(sink, c, character, bytes);
      break;
    }
    case 's':
      if (d->length == LONG) {
        format_wide_string(sink, c, a.pointer);
      } else {
        format_string(sink, c, a.pointer);
      }
      break;
    case 'p': format_pointer(sink, c, a.pointer); break;
    case 'n': store_count(a.pointer, d->length, sink->written); break;
    case 'd': {
      int64_t value = (int64_t)convert_integer(a.integer, 'd', d->length);
      format_integer(sink, c, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
      break;
    }
    case 'o':
    case 'u':
    case 'x':
    case 'X': format_integer(sink, c, convert_integer(a.integer, c->type, d->length), 0); break;
    default:
      if (d->length == LONG_DOUBLE) {
        ilwaco_format_long_double(sink, c, a.long_real);
      } else {
        ilwaco_format_double(sink, c, a.real);
      }
  }
  return 1;
}

static int format_all(struct sink *sink, struct arguments *arguments, const char *format);

/* Kept apart because its array is large and hardly any program needs it. */
static __attribute__((noinline)) int format_numbered(struct sink *sink, struct arguments *arguments,
                                                     const char *format) {
  union argument values[ARGUMENTS_NUMBERED_MAXIMUM + 1];
  if (!fetch_numbered(arguments, format, values)) {
    errno = EINVAL;
    return -1;
  }
  arguments->numbered = values;
  return format_all(sink, arguments, format);
}

static int format_all(struct sink *sink, struct arguments *arguments, const char *format) {
  const char *end = format + strlen(format);
  for (const char *p = format; p < end;) {
    const char *percent = memchr(p, '%', (size_t)(end - p));
    ilwaco_emit(sink, p, (size_t)((percent ? percent : end) - p));
    if (!percent) break;
    struct directive directive;
    p = ilwaco_parse_directive(percent + 1, &directive);
    if (directive.position && !arguments->numbered) {
      return format_numbered(sink, arguments, percent); /* the first one decides for all */
    }
    if (!format_directive(sink, &directive, arguments)) {
      ilwaco_emit(sink, percent, (size_t)(p - percent));
    }
  }
  if (sink->written > INT_MAX) {
    errno = EOVERFLOW;
    return -1;
  }
  return (int)sink->written;
}

int ilwaco_format(struct sink *sink, const char *format, va_list list) {
  struct arguments arguments = {.numbered = NULL};
  va_copy(arguments.list, list);
  int result = format_all(sink, &arguments, format);
  va_end(arguments.list);
  return result;
}
