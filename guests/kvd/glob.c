/* See glob.h. */
#include "glob.h"

/* Matches one character against the pattern's next element; its length, or 0: it does not match. */
static size_t match_one(const char *pattern, size_t length, unsigned char c) {
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '\\' && length > 1) return (unsigned char)pattern[1] == c ? 2 : 0;
  if (pattern[0] != '[') return (unsigned char)pattern[0] == c ? 1 : 0;
  size_t at = 1;
  int negated = at < length && pattern[at] == '^', found = 0;
  if (negated) at++;
  for (; at < length && pattern[at] != ']'; at++) {
    if (pattern[at] == '\\' && at + 1 < length) at++;
    unsigned char low = (unsigned char)pattern[at], high = low;
    if (at + 2 < length && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = (unsigned char)pattern[at + 2];
      at += 2;
    }
    if (low > high) {
      unsigned char swap = low;
      low = high;
      high = swap;
    }
    if (c >= low && c <= high) found = 1;
  }
  if (found == negated) return 0;
  return at < length ? at + 1 : at;
}

int glob_match(const char *pattern, size_t pattern_length, const char *text, size_t length) {
  size_t p = 0, t = 0, star = 0, resume = 0;
  int starred = 0;
  while (t < length) {
    if (p < pattern_length && pattern[p] == '*') {
      star = ++p; /* at first it stands for nothing, then for ever more */
      resume = t;
      starred = 1;
      continue;
    }
    size_t step = p < pattern_length ? match_one(pattern + p, pattern_length - p, (unsigned char)text[t]) : 0;
    if (step) {
      p += step;
      t++;
    } else if (starred) {
      p = star;
      t = ++resume;
    } else {
      return 0;
    }
  }
  while (p < pattern_length && pattern[p] == '*') p++;
  return p == pattern_length;
}
