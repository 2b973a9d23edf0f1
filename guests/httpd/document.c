/* The document of /doc; see document.h. */
#include "document.h"

#include <string.h>

enum { LINE = 64 };

static const char digits[] = "0123456789abcdef";

static void write_line(char line[LINE], uint32_t number) {
  for (int i = 7; i >= 0; i--) {
    line[i] = digits[number & 15];
    number >>= 4;
  }
  memcpy(line + 8, " " DOCUMENT_FILL "\n", LINE - 8);
}

void document_write(char *bytes, uint64_t offset, size_t length) {
  uint32_t number = (uint32_t)(offset / LINE);
  size_t skip = (size_t)(offset % LINE);
  while (length) {
    if (skip == 0 && length >= LINE) {
      write_line(bytes, number++);
      bytes += LINE;
      length -= LINE;
      continue;
    }
    char line[LINE];
    size_t piece = LINE - skip < length ? LINE - skip : length;
    write_line(line, number++);
    memcpy(bytes, line + skip, piece);
    bytes += piece;
    length -= piece;
    skip = 0;
  }
}
