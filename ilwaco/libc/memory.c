/*
 * memcpy and its kin, by string instructions: for the processor that Denali emulates they are one
 * instruction for a whole run of bytes, several times faster than any loop over words.
 */

#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  void *d = to;
  __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(length) : : "memory");
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
  __asm__ volatile("rep stosb" : "+D"(d), "+c"(length) : "a"(byte) : "memory");
  return to;
}

int memcmp(const void *a, const void *b, size_t length) {
  const unsigned char *p = a, *q = b;
  if (!length) return 0;
  __asm__("repe cmpsb" : "+S"(p), "+D"(q), "+c"(length) : : "memory", "cc");
  return p[-1] - q[-1];
}

void *memchr(const void *memory, int byte, size_t length) {
  if (!length) return NULL;
  const unsigned char *p = memory;
  __asm__("repne scasb" : "+D"(p), "+c"(length) : "a"(byte) : "memory", "cc");
  return *--p == (unsigned char)byte ? (void *)p : NULL;
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
