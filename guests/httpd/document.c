/* The document of /doc; see document.h. */
#include "document.h"

#include <string.h>

enum { LINE = 64, LINES = 16, COUNTED = 7 };

#define LINE_OF(digit) "0000000" digit " " DOCUMENT_FILL "\n"

/* Lines that agree in all but the first seven digits of their numbers. */
static const char lines[] =
    LINE_OF("0") LINE_OF("1") LINE_OF("2") LINE_OF("3") LINE_OF("4") LINE_OF("5") LINE_OF("6")
    LINE_OF("7") LINE_OF("8") LINE_OF("9") LINE_OF("a") LINE_OF("b") LINE_OF("c") LINE_OF("d")
    LINE_OF("e") LINE_OF("f");

/* Writes `count` whole lines, none behind a number that ends in f. */
static void write_lines(char *bytes, uint32_t number, uint32_t count) {
  char digits[8];
  /* Not memcpy: gcc knows a bound of the length, and would make a loop of it. */
  memmove(bytes, lines + number % LINES * LINE, count * LINE);
  number /= LINES;
  for (int i = COUNTED - 1; i >= 0; i--, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  for (; count; count--, bytes += LINE) memcpy(bytes, digits, COUNTED);
}

void document_write(char *bytes, uint64_t offset, size_t length) {
  uint32_t number = (uint32_t)(offset / LINE), count;
  size_t skip = (size_t)(offset % LINE), piece;
  for (; length; number += count, bytes += piece, length -= piece) {
    count = LINES - number % LINES;
    if (length / LINE < count) count = (uint32_t)(length / LINE);
    if (skip == 0 && count) {
      write_lines(bytes, number, count);
      piece = count * LINE;
    } else {
      char line[LINE];
      count = 1;
      piece = LINE - skip < length ? LINE - skip : length;
      write_lines(line, number, 1);
      memcpy(bytes, line + skip, piece);
      skip = 0;
    }
  }
}
