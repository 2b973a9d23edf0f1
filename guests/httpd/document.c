/* The document of /doc; see document.h. */
#include "document.h"

#include <string.h>

#define LINE_OF(high, low) "000000" high low " " DOCUMENT_FILL "\n"
#define LINES_OF(high)                                                                            \
  LINE_OF(high, "0") LINE_OF(high, "1") LINE_OF(high, "2") LINE_OF(high, "3") LINE_OF(high, "4")  \
  LINE_OF(high, "5") LINE_OF(high, "6") LINE_OF(high, "7") LINE_OF(high, "8") LINE_OF(high, "9")  \
  LINE_OF(high, "a") LINE_OF(high, "b") LINE_OF(high, "c") LINE_OF(high, "d") LINE_OF(high, "e")  \
  LINE_OF(high, "f")

/* The document begins so, and goes on so but for the first digits of the lines' numbers. */
static const char lines[] =
    LINES_OF("0") LINES_OF("1") LINES_OF("2") LINES_OF("3") LINES_OF("4") LINES_OF("5")
    LINES_OF("6") LINES_OF("7") LINES_OF("8") LINES_OF("9") LINES_OF("a") LINES_OF("b")
    LINES_OF("c") LINES_OF("d") LINES_OF("e") LINES_OF("f");

enum { LINE = 64, BLOCK = sizeof lines - 1, DIGITS = 6 };

/* The first digits for a number of whole blocks, in bytes [begin, end) of them. */
static void write_digits(char *bytes, size_t begin, size_t end, uint32_t number) {
  char digits[DIGITS];
  for (int i = DIGITS - 1; i >= 0; i--, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  size_t at = begin;
  for (; at < end && at % LINE; at++) {
    if (at % LINE < DIGITS) bytes[at - begin] = digits[at % LINE];
  }
  for (; at + DIGITS <= end; at += LINE) memcpy(bytes + (at - begin), digits, DIGITS);
  if (at < end) memcpy(bytes + (at - begin), digits, end - at);
}

void document_write(char *bytes, uint64_t offset, size_t length) {
  for (size_t piece; length; bytes += piece, offset += piece, length -= piece) {
    size_t begin = (size_t)(offset % BLOCK);
    piece = BLOCK - begin < length ? BLOCK - begin : length;
    memmove(bytes, lines + begin, piece); /* not memcpy: of a length with a bound gcc makes a loop */
    if (offset >= BLOCK) write_digits(bytes, begin, begin + piece, (uint32_t)(offset / BLOCK));
  }
}
