/*
 * The scanf family: ISO C 7.21.6.2, without wide characters. One character of look-ahead, so that
 * what is left in the stream is what the standard says.
 */

#include "file.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAXIMUM 1024 /* characters of a number that are looked at */

struct source {
  FILE *file;       /* or NULL: */
  const char *text; /* the next character */
  int count;        /* characters taken, for %n */
};

static int take(struct source *source) {
  int c;
  if (source->file) {
    c = ilwaco_file_get(source->file);
  } else {
    c = *source->text ? (unsigned char)*source->text++ : EOF;
  }
  if (c != EOF) source->count++;
  return c;
}

static void put_back(struct source *source, int c) {
  if (c == EOF) return;
  source->count--;
  if (source->file) {
    ilwaco_file_unget(source->file, c);
  } else {
    source->text--;
  }
}

static int skip_space(struct source *source) {
  int c;
  do c = take(source);
  while (isspace(c));
  put_back(source, c);
  return c;
}

struct directive {
  int suppress;
  int width;   /* INT_MAX: none given */
  char length; /* 'H' for hh, 'q' for ll, or the letter, or 0 */
  char type;
};

static const char *parse_directive(const char *p, struct directive *d) {
  *d = (struct directive){0, INT_MAX, 0, 0};
  if (*p == '*') {
    d->suppress = 1;
    p++;
  }
  if (isdigit((unsigned char)*p)) d->width = (int)strtol(p, (char **)&p, 10);
  if (*p && strchr("hljztLq", *p)) {
    d->length = *p++;
    if (d->length == 'h' && *p == 'h') d->length = 'H', p++;
    if (d->length == 'l' && *p == 'l') d->length = 'q', p++;
  }
  d->type = *p;
  return *p ? p + 1 : p;
}

static void store_integer(void *to, char length, unsigned long long value) {
  switch (length) {
    case 'H': *(unsigned char *)to = (unsigned char)value; break;
    case 'h': *(unsigned short *)to = (unsigned short)value; break;
    case 'q':
    case 'j':
    case 'L': *(unsigned long long *)to = value; break;
    default: *(unsigned *)to = (unsigned)value;
  }
}

/* The characters of a number, for strtol and strtod. */
struct number {
  char text[NUMBER_MAXIMUM + 1];
  int length;
};

static void append(struct number *number, int c) {
  if (number->length < NUMBER_MAXIMUM) number->text[number->length++] = (char)c;
  number->text[number->length] = 0;
}

static int digit_value(int c) {
  if (isdigit(c)) return c - '0';
  return isalpha(c) ? tolower(c) - 'a' + 10 : 36;
}

/* Takes the longest prefix of an integer; returns 0 if there is none. *base may become 8, 10 or 16.
 */
static int take_integer(struct source *source, int width, int *base, struct number *number) {
  number->length = 0;
  int digits = 0, c = take(source);
  if (width > 0 && (c == '-' || c == '+')) {
    append(number, c);
    c = take(source);
    width--;
  }
  if (width > 0 && c == '0' && (*base == 0 || *base == 16)) {
    append(number, c);
    digits = 1;
    c = take(source);
    width--;
    if (width > 0 && (c == 'x' || c == 'X')) {
      append(number, c);
      digits = 0;
      *base = 16;
      c = take(source);
      width--;
    } else if (*base == 0) {
      *base = 8;
    }
  }
  if (*base == 0) *base = 10;
  for (; width > 0 && digit_value(c) < *base; width--, c = take(source)) {
    append(number, c);
    digits = 1;
  }
  put_back(source, c);
  return digits;
}

static int take_word(struct source *source, const char *word, int *width, struct number *number) {
  for (; *word && *width > 0; word++, --*width) {
    int c = take(source);
    if (tolower(c) != *word) {
      put_back(source, c);
      return 0;
    }
    append(number, c);
  }
  return !*word;
}

/* Takes the longest prefix of a floating-point number; returns 0 if it is none. */
static int take_float(struct source *source, int width, struct number *number) {
  number->length = 0;
  int c = take(source), digits = 0, hexadecimal = 0;
  if (width > 0 && (c == '-' || c == '+')) append(number, c), width--, c = take(source);
  if (width > 0 && (tolower(c) == 'i' || tolower(c) == 'n')) {
    int infinity = tolower(c) == 'i';
    put_back(source, c);
    if (!take_word(source, infinity ? "inf" : "nan", &width, number)) return 0;
    c = take(source);
    put_back(source, c);
    if (infinity && tolower(c) == 'i' && width > 0)
      return take_word(source, "inity", &width, number);
    return 1;
  }
  if (width > 1 && c == '0') {
    append(number, c), width--, c = take(source), digits = 1;
    if (c == 'x' || c == 'X')
      append(number, c), width--, c = take(source), digits = 0, hexadecimal = 1;
  }
  for (int point = 0; width > 0; width--, c = take(source)) {
    if (hexadecimal ? isxdigit(c) : isdigit(c)) {
      digits = 1;
    } else if (c == '.' && !point) {
      point = 1;
    } else {
      break;
    }
    append(number, c);
  }
  if (digits && width > 0 && tolower(c) == (hexadecimal ? 'p' : 'e')) {
    append(number, c), width--, c = take(source), digits = 0;
    if (width > 0 && (c == '-' || c == '+')) append(number, c), width--, c = take(source);
    for (; width > 0 && isdigit(c); width--, c = take(source)) append(number, c), digits = 1;
  }
  put_back(source, c);
  return digits;
}

/* A scan set: `p` is behind the '['; returns what is behind the ']'. */
static const char *parse_set(const char *p, unsigned char *members) {
  int negated = *p == '^';
  if (negated) p++;
  memset(members, negated, 256);
  const char *start = p;
  for (; *p && (*p != ']' || p == start); p++) {
    unsigned char first = (unsigned char)*p, last = first;
    if (p[1] == '-' && p[2] && p[2] != ']') last = (unsigned char)p[2], p += 2;
    for (unsigned c = first; c <= last; c++) members[c] = !negated;
  }
  return *p ? p + 1 : p;
}

/* %s %c %[: returns how many characters were taken. */
static int take_characters(struct source *source, const struct directive *d, char *to,
                           const unsigned char *members) {
  int length = 0, c = 0;
  int width = d->type == 'c' && d->width == INT_MAX ? 1 : d->width;
  while (length < width && (c = take(source)) != EOF) {
    if ((d->type == 's' && isspace(c)) || (d->type == '[' && !members[c])) {
      put_back(source, c);
      break;
    }
    if (to) to[length] = (char)c;
    length++;
  }
  if (d->type == 'c') return length == width ? length : 0;
  if (to && length) to[length] = 0;
  return length;
}

enum outcome { CONVERTED, MISMATCH };

static __attribute__((noinline)) enum outcome scan_number(struct source *source,
                                                          const struct directive *d, void *to) {
  struct number number;
  if (strchr("aAeEfFgG", d->type)) {
    if (!take_float(source, d->width, &number)) return MISMATCH;
    if (!to) return CONVERTED;
    switch (d->length) {
      case 'L': *(long double *)to = strtold(number.text, NULL); break;
      case 'l': *(double *)to = strtod(number.text, NULL); break;
      default: *(float *)to = strtof(number.text, NULL);
    }
    return CONVERTED;
  }
  int base = d->type == 'i' ? 0 : d->type == 'o' ? 8 : strchr("xXp", d->type) ? 16 : 10;
  if (!take_integer(source, d->width, &base, &number)) return MISMATCH;
  if (!to) return CONVERTED;
  int is_signed = d->type == 'd' || d->type == 'i';
  int wide = d->length == 'q' || d->length == 'j' || d->length == 'L';
  unsigned long long value;
  if (wide) {
    value = is_signed ? (unsigned long long)strtoll(number.text, NULL, base)
                      : strtoull(number.text, NULL, base);
  } else {
    value = is_signed ? (unsigned long long)strtol(number.text, NULL, base)
                      : strtoul(number.text, NULL, base);
  }
  store_integer(to, d->length, value);
  return CONVERTED;
}

static int scan(struct source *source, const char *format, va_list *arguments) {
  int assigned = 0;
  unsigned char members[256];
  for (const char *p = format; *p;) {
    if (isspace((unsigned char)*p)) {
      skip_space(source);
      p++;
      continue;
    }
    if (*p != '%' || p[1] == '%') {
      if (*p == '%') skip_space(source), p++;
      int c = take(source);
      if (c != (unsigned char)*p++) {
        put_back(source, c);
        return c == EOF && !assigned ? EOF : assigned;
      }
      continue;
    }
    struct directive d;
    p = parse_directive(p + 1, &d);
    if (d.type == '[') p = parse_set(p, members);
    if (d.type == 'n') {
      if (!d.suppress) store_integer(va_arg(*arguments, void *), d.length, (unsigned)source->count);
      continue;
    }
    if (!d.type || !strchr("diouxXpaAeEfFgGsc[", d.type)) return assigned;
    int next;
    if (d.type == 'c' || d.type == '[') {
      next = take(source);
      put_back(source, next);
    } else {
      next = skip_space(source);
    }
    if (next == EOF) return assigned ? assigned : EOF;
    void *to = d.suppress ? NULL : va_arg(*arguments, void *);
    if (strchr("sc[", d.type)) {
      if (!take_characters(source, &d, to, members)) return assigned;
    } else if (scan_number(source, &d, to) != CONVERTED) {
      return assigned;
    }
    if (!d.suppress) assigned++;
  }
  return assigned;
}

int vsscanf(const char *restrict text, const char *restrict format, va_list arguments) {
  struct source source = {NULL, text, 0};
  va_list copy;
  va_copy(copy, arguments);
  int assigned = scan(&source, format, &copy);
  va_end(copy);
  return assigned;
}

int sscanf(const char *restrict text, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int assigned = vsscanf(text, format, arguments);
  va_end(arguments);
  return assigned;
}

int vfscanf(FILE *restrict file, const char *restrict format, va_list arguments) {
  struct source source = {file, NULL, 0};
  va_list copy;
  va_copy(copy, arguments);
  ilwaco_file_lock(file);
  int assigned = scan(&source, format, &copy);
  ilwaco_file_unlock(file);
  va_end(copy);
  return assigned;
}

int fscanf(FILE *restrict file, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int assigned = vfscanf(file, format, arguments);
  va_end(arguments);
  return assigned;
}

int vscanf(const char *restrict format, va_list arguments) {
  return vfscanf(stdin, format, arguments);
}

int scanf(const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int assigned = vscanf(format, arguments);
  va_end(arguments);
  return assigned;
}
