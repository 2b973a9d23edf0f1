/* The engine behind the printf family. */
#ifndef ILWACO_FORMAT_H
#define ILWACO_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Where formatted text goes. */
struct sink {
  void (*write)(struct sink *sink, const char *text, size_t length);
  size_t written; /* bytes so far, whether there was room or not */
};

/* Returns bytes written, or -1 with errno EOVERFLOW. */
int ilwaco_format(struct sink *sink, const char *format, va_list arguments);

enum { FLAG_LEFT = 1, FLAG_PLUS = 2, FLAG_SPACE = 4, FLAG_ALTERNATE = 8, FLAG_ZERO = 16 };

/* One conversion specification. */
struct conversion {
  unsigned flags;
  int width;
  int precision; /* -1: none given */
  char type;
};

void ilwaco_emit(struct sink *sink, const char *text, size_t length);
void ilwaco_emit_repeated(struct sink *sink, char c, long count);

/* Pads `prefix` (sign, 0x) and a body of `length` characters to the width: emits what stands before
 * the body, and returns how many spaces the caller must emit behind it. */
long ilwaco_emit_prefix(struct sink *sink, const struct conversion *conversion, const char *prefix,
                        size_t length, int zero_pad);

/* The sign character or nothing, as a string. */
const char *ilwaco_sign(const struct conversion *conversion, int negative);

enum length { NONE, CHAR, SHORT, LONG, LONG_LONG, MAXIMUM, SIZE, POINTER_DIFFERENCE, LONG_DOUBLE };

/* One conversion specification and where its numbers come from. */
struct directive {
  struct conversion conversion;
  enum length length;
  int position;                   /* of the argument; 0: the next */
  int width_from, precision_from; /* -1: not an argument, 0: the next one, n: number n */
};

/* format_directive.c */

/* `p` is behind the '%'; returns what is behind the conversion's letter. */
const char *ilwaco_parse_directive(const char *p, struct directive *d);

/* format_float.c */
void ilwaco_format_double(struct sink *sink, struct conversion *conversion, double value);
void ilwaco_format_long_double(struct sink *sink, struct conversion *conversion, long double value);

#endif
