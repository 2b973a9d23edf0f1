/* sprintf and its kin. */

#include "format.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffer_sink {
  struct sink sink;
  char *next;
  size_t room; /* bytes, the NUL's not included */
};

static void write_to_buffer(struct sink *sink, const char *text, size_t length) {
  struct buffer_sink *buffer = (struct buffer_sink *)sink;
  if (length > buffer->room) length = buffer->room;
  memcpy(buffer->next, text, length);
  buffer->next += length;
  buffer->room -= length;
}

int vsnprintf(char *restrict buffer, size_t capacity, const char *restrict format,
              va_list arguments) {
  struct buffer_sink sink = {{write_to_buffer, 0}, buffer, capacity ? capacity - 1 : 0};
  int length = ilwaco_format(&sink.sink, format, arguments);
  if (capacity) *sink.next = 0;
  return length;
}

int snprintf(char *restrict buffer, size_t capacity, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(buffer, capacity, format, arguments);
  va_end(arguments);
  return length;
}

int vsprintf(char *restrict buffer, const char *restrict format, va_list arguments) {
  return vsnprintf(buffer, INT_MAX, format, arguments);
}

int sprintf(char *restrict buffer, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsprintf(buffer, format, arguments);
  va_end(arguments);
  return length;
}

int vasprintf(char **restrict text, const char *restrict format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  *text = length < 0 ? NULL : malloc((size_t)length + 1);
  return *text ? vsnprintf(*text, (size_t)length + 1, format, arguments) : -1;
}

int asprintf(char **restrict text, const char *restrict format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(text, format, arguments);
  va_end(arguments);
  return length;
}
