/* See number.h. */
#include "number.h"

#include <string.h>

char *number_write(char *to, uint64_t number, unsigned base) {
  char digits[NUMBER_MAXIMUM + 1], *first = digits + NUMBER_MAXIMUM;
  *first = 0;
  while (number > UINT32_MAX) {
    *--first = "0123456789abcdef"[number % base];
    number /= base;
  }
  uint32_t rest = (uint32_t)number; /* 64 bits are divided by a function */
  do *--first = "0123456789abcdef"[rest % base];
  while (rest /= base);
  size_t length = (size_t)(digits + NUMBER_MAXIMUM - first);
  memcpy(to, first, length + 1);
  return to + length;
}
