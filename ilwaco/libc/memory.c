/* memcpy and its kin. The string instructions are one guest instruction for any length. */

#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  void *d = to;
  size_t words = length / 4, bytes = length % 4;
  __asm__ volatile(
      "rep movsl\n\t"
      "movl %3, %%ecx\n\t"
      "rep movsb"
      : "+&D"(d), "+&S"(from), "+&c"(words)
      : "r"(bytes)
      : "memory");
  return to;
}

void *mempcpy(void *restrict to, const void *restrict from, size_t length) {
  return (char *)memcpy(to, from, length) + length;
}

void *memmove(void *to, const void *from, size_t length) {
  if ((uintptr_t)to - (uintptr_t)from >= length) return memcpy(to, from, length);
  char *d = (char *)to + length;
  const char *s = (const char *)from + length;
  size_t bytes = length % 4, words = length / 4;
  d--, s--;
  __asm__ volatile(
      "std\n\t"
      "rep movsb\n\t"
      "subl $3, %0\n\t"
      "subl $3, %1\n\t"
      "movl %3, %%ecx\n\t"
      "rep movsl\n\t"
      "cld"
      : "+&D"(d), "+&S"(s), "+&c"(bytes)
      : "r"(words)
      : "memory");
  return to;
}

void *memset(void *to, int byte, size_t length) {
  void *d = to;
  size_t words = length / 4, bytes = length % 4;
  uint32_t pattern = (unsigned char)byte * 0x01010101u;
  __asm__ volatile(
      "rep stosl\n\t"
      "movl %2, %%ecx\n\t"
      "rep stosb"
      : "+&D"(d), "+&c"(words)
      : "r"(bytes), "a"(pattern)
      : "memory");
  return to;
}

typedef uint32_t __attribute__((may_alias, aligned(1))) word;

int memcmp(const void *a, const void *b, size_t length) {
  const unsigned char *p = a, *q = b;
  while (length >= 4 && *(const word *)p == *(const word *)q) p += 4, q += 4, length -= 4;
  for (; length; p++, q++, length--) {
    if (*p != *q) return *p - *q;
  }
  return 0;
}

void *memchr(const void *memory, int byte, size_t length) {
  for (const unsigned char *p = memory; length; p++, length--) {
    if (*p == (unsigned char)byte) return (void *)p;
  }
  return NULL;
}

void *memrchr(const void *memory, int byte, size_t length) {
  const unsigned char *p = memory;
  while (length--) {
    if (p[length] == (unsigned char)byte) return (void *)(p + length);
  }
  return NULL;
}

void *memmem(const void *haystack, size_t length, const void *needle, size_t needle_length) {
  const unsigned char *h = haystack, *end = h + length;
  if (!needle_length) return (void *)haystack;
  while ((size_t)(end - h) >= needle_length) {
    h = memchr(h, *(const unsigned char *)needle, (size_t)(end - h) - needle_length + 1);
    if (!h) return NULL;
    if (memcmp(h, needle, needle_length) == 0) return (void *)h;
    h++;
  }
  return NULL;
}

void bzero(void *memory, size_t length) { memset(memory, 0, length); }
void bcopy(const void *from, void *to, size_t length) { memmove(to, from, length); }
int bcmp(const void *a, const void *b, size_t length) { return memcmp(a, b, length); }
