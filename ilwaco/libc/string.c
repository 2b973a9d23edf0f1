/* NUL-terminated strings of bytes. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

/* Not zero if a byte of the word is zero (Mycroft 1987). An aligned word never crosses a page. */
static inline uint32_t has_zero(word w) { return (w - 0x01010101u) & ~w & 0x80808080u; }

size_t strlen(const char *text) {
  const char *p = text;
  size_t left = SIZE_MAX;
  __asm__("repne scasb" : "+D"(p), "+c"(left) : "a"(0) : "memory", "cc");
  return (size_t)(p - text) - 1;
}

size_t strnlen(const char *text, size_t limit) {
  const char *end = memchr(text, 0, limit);
  return end ? (size_t)(end - text) : limit;
}

char *stpcpy(char *restrict to, const char *restrict from) {
  size_t length = strlen(from);
  return (char *)memcpy(to, from, length + 1) + length;
}

char *strcpy(char *restrict to, const char *restrict from) {
  memcpy(to, from, strlen(from) + 1);
  return to;
}

char *strncpy(char *restrict to, const char *restrict from, size_t length) {
  size_t copied = strnlen(from, length);
  memcpy(to, from, copied);
  memset(to + copied, 0, length - copied);
  return to;
}

size_t strlcpy(char *restrict to, const char *restrict from, size_t capacity) {
  size_t length = strlen(from);
  if (capacity) {
    size_t copied = length < capacity ? length : capacity - 1;
    memcpy(to, from, copied);
    to[copied] = 0;
  }
  return length;
}

char *strcat(char *restrict to, const char *restrict from) {
  strcpy(to + strlen(to), from);
  return to;
}

char *strncat(char *restrict to, const char *restrict from, size_t length) {
  char *end = to + strlen(to);
  size_t copied = strnlen(from, length);
  memcpy(end, from, copied);
  end[copied] = 0;
  return to;
}

size_t strlcat(char *restrict to, const char *restrict from, size_t capacity) {
  size_t used = strnlen(to, capacity);
  return used + strlcpy(to + used, from, capacity - used);
}

int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t length) {
  for (; length; a++, b++, length--) {
    if (!*a || *a != *b) return (unsigned char)*a - (unsigned char)*b;
  }
  return 0;
}

/* The "C" locale collates by byte value. */
int strcoll(const char *a, const char *b) { return strcmp(a, b); }

size_t strxfrm(char *restrict to, const char *restrict from, size_t capacity) {
  return strlcpy(to, from, capacity);
}

static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

int strncasecmp(const char *a, const char *b, size_t length) {
  for (; length; a++, b++, length--) {
    if (*a == *b && *a) continue;
    int difference = lower((unsigned char)*a) - lower((unsigned char)*b);
    if (difference || !*a) return difference;
  }
  return 0;
}

int strcasecmp(const char *a, const char *b) { return strncasecmp(a, b, SIZE_MAX); }

char *strchrnul(const char *text, int character) {
  for (; (uintptr_t)text % 4; text++) {
    if (!*text || *text == (char)character) return (char *)text;
  }
  word pattern = (unsigned char)character * 0x01010101u;
  for (;; text += 4) {
    word w = *(const word *)text, x = w ^ pattern;
    if (has_zero(w) | has_zero(x)) break;
  }
  while (*text && *text != (char)character) text++;
  return (char *)text;
}

char *strchr(const char *text, int character) {
  char *found = strchrnul(text, character);
  return *found == (char)character ? found : NULL;
}

char *strrchr(const char *text, int character) {
  return memrchr(text, character, strlen(text) + 1);
}

char *index(const char *text, int character) { return strchr(text, character); }
char *rindex(const char *text, int character) { return strrchr(text, character); }

char *strstr(const char *haystack, const char *needle) {
  return memmem(haystack, strlen(haystack), needle, strlen(needle));
}

char *strcasestr(const char *haystack, const char *needle) {
  size_t length = strlen(needle);
  for (;; haystack++) {
    if (strncasecmp(haystack, needle, length) == 0) return (char *)haystack;
    if (!*haystack) return NULL;
  }
}

/* Length of the prefix of bytes that are (member = 1) or are not (0) in `set`. */
static size_t span(const char *text, const char *set, int member) {
  uint32_t bits[8] = {0};
  for (const unsigned char *s = (const unsigned char *)set; *s; s++) bits[*s / 32] |= 1u << *s % 32;
  const unsigned char *p = (const unsigned char *)text;
  while (*p && (int)(bits[*p / 32] >> *p % 32 & 1) == member) p++;
  return (size_t)(p - (const unsigned char *)text);
}

size_t strspn(const char *text, const char *accept) { return span(text, accept, 1); }
size_t strcspn(const char *text, const char *reject) { return span(text, reject, 0); }

char *strpbrk(const char *text, const char *accept) {
  text += strcspn(text, accept);
  return *text ? (char *)text : NULL;
}

char *strtok_r(char *restrict text, const char *restrict separators, char **restrict state) {
  if (!text) text = *state;
  if (!text) return NULL;
  text += strspn(text, separators);
  if (!*text) {
    *state = NULL;
    return NULL;
  }
  char *end = text + strcspn(text, separators);
  *state = *end ? end + 1 : NULL;
  *end = 0;
  return text;
}

char *strtok(char *restrict text, const char *restrict separators) {
  static char *state;
  return strtok_r(text, separators, &state);
}

char *strsep(char **text, const char *separators) {
  char *token = *text;
  if (!token) return NULL;
  char *end = token + strcspn(token, separators);
  *text = *end ? end + 1 : NULL;
  *end = 0;
  return token;
}

char *strndup(const char *text, size_t limit) {
  size_t length = strnlen(text, limit);
  char *copy = malloc(length + 1);
  if (!copy) return NULL;
  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

char *strdup(const char *text) { return strndup(text, SIZE_MAX); }

int ffs(int value) { return value ? __builtin_ctz((unsigned)value) + 1 : 0; }
