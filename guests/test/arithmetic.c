/* 64-bit arithmetic, division by every kind of operand, shifts, rotates, overflow, bit counts. */

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

static unsigned long long hash = 14695981039346656037ull;

static void note(unsigned long long value) {
  hash = (hash ^ value) * 1099511628211ull + (hash >> 47);
}

static const unsigned long long values[] = {0,
                                            1,
                                            2,
                                            3,
                                            7,
                                            10,
                                            127,
                                            128,
                                            255,
                                            256,
                                            32767,
                                            32768,
                                            65535,
                                            65536,
                                            1000000007,
                                            0x7fffffff,
                                            0x80000000,
                                            0x80000001,
                                            0xfffffffe,
                                            0xffffffff,
                                            0x100000000,
                                            0x100000001,
                                            0x1ffffffff,
                                            0x123456789abcdef,
                                            0x7fffffff00000000,
                                            0x7fffffffffffffff,
                                            0x8000000000000000,
                                            0x8000000000000001,
                                            0xfedcba9876543210,
                                            0xffffffff00000000,
                                            0xffffffff00000001,
                                            0xfffffffffffffffe,
                                            0xffffffffffffffff};
#define COUNT (sizeof values / sizeof *values)

#define OPERATIONS(name, type, unsigned_type)                                                     \
  static __attribute__((noinline)) void name(void) {                                              \
    for (unsigned i = 0; i < COUNT; i++) {                                                        \
      volatile type a = (type)values[i];                                                          \
      for (unsigned j = 0; j < COUNT; j++) {                                                      \
        volatile type b = (type)values[j];                                                        \
        note((unsigned_type)((unsigned_type)a + (unsigned_type)b));                               \
        note((unsigned_type)((unsigned_type)a - (unsigned_type)b));                               \
        note((unsigned_type)(1ull * (unsigned_type)a * (unsigned_type)b));                        \
        note((unsigned_type)(a & b));                                                             \
        note((unsigned_type)(a | b));                                                             \
        note((unsigned_type)(a ^ b));                                                             \
        note((a < b) | (a <= b) << 1 | (a == b) << 2 | (a > b) << 3);                             \
        if (b != 0 && !((type)-1 < 0 && b == (type)-1)) {                                         \
          note((unsigned_type)(a / b));                                                           \
          note((unsigned_type)(a % b));                                                           \
        }                                                                                         \
        type result;                                                                              \
        note((unsigned)__builtin_add_overflow((type)a, (type)b, &result));                        \
        note((unsigned)__builtin_sub_overflow((type)a, (type)b, &result));                        \
        note((unsigned)__builtin_mul_overflow((type)a, (type)b, &result));                        \
        note((unsigned_type)result);                                                              \
      }                                                                                           \
      for (unsigned count = 0; count < sizeof(type) * 8; count++) {                               \
        volatile unsigned c = count;                                                              \
        note((unsigned_type)((unsigned_type)a << c));                                             \
        note((unsigned_type)(a >> c));                                                            \
        note((unsigned_type)((unsigned_type)a << c |                                              \
                             (unsigned_type)a >> ((sizeof(type) * 8 - c) % (sizeof(type) * 8)))); \
      }                                                                                           \
      note((unsigned_type) - (unsigned_type)a);                                                   \
      note((unsigned_type)~a);                                                                    \
    }                                                                                             \
    printf(#name " %016llx\n", hash);                                                             \
  }

OPERATIONS(signed_char, signed char, unsigned char)
OPERATIONS(unsigned_char, unsigned char, unsigned char)
OPERATIONS(signed_short, short, unsigned short)
OPERATIONS(unsigned_short, unsigned short, unsigned short)
OPERATIONS(signed_int, int, unsigned)
OPERATIONS(unsigned_int, unsigned, unsigned)
OPERATIONS(signed_long_long, long long, unsigned long long)
OPERATIONS(unsigned_long_long, unsigned long long, unsigned long long)

/* Compilers turn division by a constant into multiplication, a different way for each kind. */
#define DIVISORS(X)                                                                             \
  X(1)                                                                                          \
  X(2) X(3) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(25) X(60) X(64) X(100) X(125) X(641) X(1000) \
      X(4096) X(10007) X(65535) X(1000000) X(1000000007) X(2147483647)
#define BY(d)                                                                       \
  note((unsigned)(s / (d))), note((unsigned)(s % (d))), note((unsigned)(s / -(d))), \
      note(u / (d##u)), note(u % (d##u)), note((unsigned long long)(sl / (d))),     \
      note((unsigned long long)(sl % -(d))), note(ul / (d)), note(ul % (d));

static void by_constants(void) {
  for (unsigned i = 0; i < COUNT; i++) {
    for (int k = -3; k <= 3; k++) {
      volatile unsigned long long source =
          values[i] * (unsigned)(k * k + 1) + (unsigned long long)(long long)k;
      int s = (int)source;
      unsigned u = (unsigned)source;
      long long sl = (long long)source;
      unsigned long long ul = source;
      if (s == INT_MIN) s++;
      if (sl == LLONG_MIN) sl++;
      DIVISORS(BY)
    }
  }
  printf("by constants %016llx\n", hash);
}

static void bits(void) {
  for (unsigned i = 0; i < COUNT; i++) {
    volatile unsigned long long v = values[i];
    volatile unsigned w = (unsigned)v;
    note((unsigned)__builtin_popcountll(v));
    note((unsigned)__builtin_parityll(v));
    note(__builtin_bswap64(v));
    note(__builtin_bswap32(w));
    note(__builtin_bswap16((unsigned short)w));
    note((unsigned)__builtin_ffsll((long long)v));
    if (v) note((unsigned)(__builtin_clzll(v) * 100 + __builtin_ctzll(v)));
    if (w) note((unsigned)(__builtin_clz(w) * 100 + __builtin_ctz(w)));
  }
  printf("bits %016llx\n", hash);
}

struct fields {
  unsigned a : 3;
  int b : 5;
  unsigned long long c : 40;
  int d : 16;
  _Bool e : 1;
};

static void bit_fields(void) {
  volatile struct fields f = {0};
  for (int i = -70; i < 70; i += 3) {
    f.a = (unsigned)i;
    f.b = i;
    f.c = (unsigned long long)(long long)i << 20;
    f.d = i * 1000;
    f.e = i & 4;
    note(f.a), note((unsigned)f.b), note(f.c), note((unsigned)f.d), note(f.e);
  }
  printf("bit fields %016llx\n", hash);
}

int main(void) {
  signed_char();
  unsigned_char();
  signed_short();
  unsigned_short();
  signed_int();
  unsigned_int();
  signed_long_long();
  unsigned_long_long();
  by_constants();
  bits();
  bit_fields();
  printf("%lld %llu %lld\n", (long long)values[28] / 1000003, values[28] / 1000003,
         (long long)values[28] % -97);
  return (int)(hash & 63);
}
