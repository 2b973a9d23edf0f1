/*
 * Filling and copying of several sizes, aligned and not: byte by byte, by words, by 16 bytes in SSE registers, and
 * by the string instructions.
 */
typedef unsigned char u8;
typedef unsigned u32;
typedef u32 __attribute__((aligned(1), may_alias)) word;
typedef long long __attribute__((vector_size(16), aligned(1), may_alias)) vector;

#define LARGEST 16384
#define NOT_BUILTIN __attribute__((noinline, optimize("no-tree-loop-distribute-patterns")))

static u8 from[LARGEST + 64], to[LARGEST + 64];

NOT_BUILTIN static void copy_bytes(u8 *d, const u8 *s, u32 n) {
  while (n--) *d++ = *s++;
}

NOT_BUILTIN static void copy_words(u8 *d, const u8 *s, u32 n) {
  for (; n >= 16; n -= 16, d += 16, s += 16) {
    word a = ((word *)s)[0], b = ((word *)s)[1], c = ((word *)s)[2], e = ((word *)s)[3];
    ((word *)d)[0] = a;
    ((word *)d)[1] = b;
    ((word *)d)[2] = c;
    ((word *)d)[3] = e;
  }
  copy_bytes(d, s, n);
}

NOT_BUILTIN static void copy_vectors(u8 *d, const u8 *s, u32 n) {
  for (; n >= 16; n -= 16, d += 16, s += 16) *(vector *)d = *(vector *)s;
  copy_bytes(d, s, n);
}

NOT_BUILTIN static void copy_string(u8 *d, const u8 *s, u32 n) {
  u32 words = n >> 2, rest = n & 3;
  __asm__ volatile("rep movsl\n mov %3, %2\n rep movsb" : "+D"(d), "+S"(s), "+c"(words) : "r"(rest) : "memory");
}

NOT_BUILTIN static void fill_bytes(u8 *d, u8 value, u32 n) {
  while (n--) *d++ = value;
}

NOT_BUILTIN static void fill_words(u8 *d, u8 value, u32 n) {
  u32 pattern = value * 0x01010101u;
  for (; n >= 4; n -= 4, d += 4) *(word *)d = pattern;
  fill_bytes(d, value, n);
}

NOT_BUILTIN static void fill_string(u8 *d, u8 value, u32 n) {
  __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(value) : "memory");
}

NOT_BUILTIN static u32 sum(const u8 *p, u32 n) {
  u32 a = 1, b = 0;
  while (n--) {
    a += *p++;
    b += a;
  }
  return a ^ b << 16;
}

NOT_BUILTIN static int compare(const u8 *a, const u8 *b, u32 n) {
  for (; n; n--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

int main(int rounds) {
  static void (*const copy[])(u8 *, const u8 *, u32) = {copy_bytes, copy_words, copy_vectors, copy_string};
  static void (*const fill[])(u8 *, u8, u32) = {fill_bytes, fill_words, fill_string};
  static const u32 sizes[] = {7, 16, 61, 256, 1500, 4096, LARGEST};
  u32 hash = 0, seed = 1;
  for (u32 i = 0; i < sizeof from; i++) {
    seed = seed * 1664525 + 1013904223;
    from[i] = seed >> 24;
    to[i] = 0;
  }
  for (int round = 0; round < rounds; round++) {
    for (u32 i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      u32 size = sizes[i], times = size < 1024 ? 2048 / size : 1;
      for (u32 t = 0; t < times; t++) {
        copy[(round + i) & 3](to + (t & 15), from + (round & 7), size);
        fill[(round + i) % 3](to + (t & 15) + size / 2, round + t, size / 4);
      }
      hash = hash * 31 + compare(to, from + (round & 7), size) + sum(to, size < 512 ? size : 512);
    }
  }
  return hash;
}
