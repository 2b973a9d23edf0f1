/* Code for disassembler_test.ts: every family of instructions that gcc emits, in many shapes. It is only
 * compiled, never run. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#define ALU(T)                                                                                     \
  T T##_add(T *p, T a, T b) { p[1] += a; p[2] += 5; p[3]++; return a + b; }                        \
  T T##_sub(T *p, T a, T b) { p[1] -= a; p[2] -= 129; p[3]--; return a - b; }                      \
  T T##_logic(T *p, T a, T b) { p[1] &= a; p[2] |= 12; p[3] ^= b; p[4] = ~p[4]; p[5] = -p[5]; return (a & b) ^ (a | 7); } \
  T T##_mul(T *p, T a, T b) { return a * b + p[3] * 1000 + p[1] * 9; }                             \
  T T##_div(T *p, T a, T b) { return a / b + p[1] % b + a / 7 + a % 10; }                          \
  T T##_shift(T *p, T a, int n) { p[1] <<= n; p[2] >>= 3; return (a << n) ^ (a >> n) ^ (a << 5); } \
  T T##_rotate(T a, int n) { return a << (n & (sizeof(T) * 8 - 1)) | a >> (-n & (sizeof(T) * 8 - 1)); } \
  int T##_compare(T *p, T a, T b) { return (a < b) + (p[1] <= a) * 2 + (a == p[2]) * 4 + (a > 100); } \
  T T##_select(T *p, T a, T b) { return a < b ? p[1] : b == 3 ? a : p[2]; }                        \
  T T##_loop(T *p, int n) { T sum = 0; for (int i = 0; i < n; i++) sum += p[i] * p[n - i]; return sum; } \
  void T##_copy(T *p, T *q, int n) { for (int i = 0; i < n; i++) p[i * 2] = q[i * 3]; }            \
  T T##_largest(T *p, int n) { T m = p[0]; for (int i = 1; i < n; i++) m = p[i] > m ? p[i] : m; return m; } \
  T T##_atomic(T *p, T a) { T b = 1; __atomic_compare_exchange_n(p, &b, a, 0, 5, 5); return __atomic_fetch_add(p + 1, a, 5) + __atomic_exchange_n(p + 2, a, 5); } \
  void T##_locked(T *p, T a) { __atomic_fetch_or(p, a, 5); __atomic_fetch_sub(p + 1, 1, 5); __atomic_fetch_and(p + 2, 3, 5); __atomic_fetch_xor(p + 3, a, 5); } \
  double T##_to_double(T *p, T a) { return p[1] * 0.5 + a; }                                       \
  float T##_to_float(T *p, T a) { return p[1] + (float)a; }                                        \
  long double T##_to_long_double(T *p, T a) { return p[1] / (long double)a; }                      \
  T T##_from_double(double *p, double a) { return (T)(a * p[1]) + (T)p[2]; }                       \
  T T##_from_float(float *p, float a) { return (T)(a + p[1]); }                                    \
  T T##_from_long_double(long double *p, long double a) { return (T)(a - p[1]); }

ALU(u8) ALU(s8) ALU(u16) ALU(s16) ALU(u32) ALU(s32) ALU(u64) ALU(s64)

#define REAL(T, SUFFIX)                                                                            \
  T T##_arithmetic(T *p, T a, T b) { p[1] += a; p[2] *= b; p[3] = -p[3]; return (a - b) / p[4] + 2.5; } \
  int T##_compare(T *p, T a, T b) { return (a < b) + (p[1] >= a) * 2 + (a == p[2]) * 4 + (a != 0); } \
  T T##_absolute(T a) { return __builtin_fabs##SUFFIX(a); }                                        \
  T T##_select(T *p, T a, T b) { return a < b ? p[1] : a; }                                        \
  T T##_root(T a) { return __builtin_sqrt##SUFFIX(a > 0 ? a : 1); }                                \
  T T##_sum(T *p, int n) { T sum = 0; for (int i = 0; i < n; i++) sum += p[i]; return sum; }       \
  void T##_scale(T *p, T *q, T a, int n) { for (int i = 0; i < n; i++) p[i] = p[i] * a + q[i]; }   \
  T T##_polynomial(T x) { return ((((x * 3 + 1) * x - 4) * x + 1) * x - 5) / (x + 9); }

typedef long double real;
REAL(float, f) REAL(double, ) REAL(real, l)

float narrow(double *p) { return (float)p[0] + (float)p[1]; }
double widen(float *p) { return (double)p[0] * p[1]; }

int bits(u32 a, u64 b, u32 *p) {
  return __builtin_ctz(a) + __builtin_clz(a) * 3 + __builtin_popcount(a) + __builtin_ffs(p[1]) +
         __builtin_bswap32(p[2]) + __builtin_bswap16(a) + (int)__builtin_bswap64(b) +
         __builtin_parity(a) + __builtin_ctzll(b) + ((p[a >> 5] >> (a & 31)) & 1);
}
void set_bits(u32 *p, u32 n) { p[0] |= 1u << n; p[1] &= ~(1u << n); p[2] ^= 1u << n; p[3] |= 1 << 30; }
u64 wide_shift(u64 a, int n) { return (a << n) ^ (a >> n) ^ (u64)((s64)a >> n) ^ (a << 13); }
u64 wide_multiply(u32 a, u32 b, s32 c) { return (u64)a * b + (s64)c * c; }
int overflow(int a, int b, int *p) { return __builtin_add_overflow(a, b, p) | __builtin_mul_overflow(a, b, p + 1) * 2; }
u64 clock_ticks(void) { return __builtin_ia32_rdtsc(); }
void hints(char *p) { __builtin_prefetch(p); __builtin_prefetch(p + 64, 0, 0); __builtin_ia32_pause(); __builtin_ia32_mfence(); }
void fill(char *p, char *q, int n) { __builtin_memset(p, 0, 64); __builtin_memcpy(p + 64, q, 200); __builtin_memset(p + 300, n, 512); }

struct big { int words[40]; };
struct big structure(struct big a, int n) { a.words[n] = n; return a; }
int variable(int n, int (*f)(int *)) { int room[n]; return f(room) + room[n - 1]; }

int dispatch(int a, int b, int (*f)(int)) {
  switch (a) {
    case 0: return b;
    case 1: return f(b);
    case 2: return b * 3;
    case 3: return f(b) + 1;
    case 4: return b - f(7);
    case 5: return ~b;
    case 6: return b << 2;
    case 7: __builtin_trap();
    default: return f(a);
  }
}

#define VECTOR(T, N)                                                                               \
  typedef T T##v __attribute__((vector_size(16)));                                                 \
  T##v T##v_arithmetic(T##v *p, T##v a, T##v b) { p[1] += a; p[2] -= b; return a * b + p[3]; }     \
  T##v T##v_compare(T##v *p, T##v a, T##v b) { return (T##v)(a > b) + (T##v)(p[1] == a); }         \
  T##v T##v_shuffle(T##v a, T##v b) { typedef __typeof__(a > b) I; I i; for (int k = 0; k < N; k++) i[k] = (k * 3 + 1) % (2 * N); return __builtin_shuffle(a, b, i); } \
  T T##v_extract(T##v a, T##v *p) { return a[N - 1] + a[0] + p[1][1]; }                            \
  T##v T##v_insert(T##v a, T b) { a[1] = b; return a; }                                            \
  T##v T##v_splat(T b) { T##v a; for (int k = 0; k < N; k++) a[k] = b; return a; }

VECTOR(u8, 16) VECTOR(s16, 8) VECTOR(u32, 4) VECTOR(s64, 2) VECTOR(float, 4) VECTOR(double, 2)

#define VECTOR_BITS(T)                                                                             \
  T##v T##v_bits(T##v *p, T##v a, T##v b) { return (a & b) ^ (~a & p[1]) ^ (a << 3) ^ (b >> 2); }
VECTOR_BITS(u8) VECTOR_BITS(s16) VECTOR_BITS(u32) VECTOR_BITS(s64)
