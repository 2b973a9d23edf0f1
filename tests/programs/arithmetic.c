/* 64-bit arithmetic, division by every kind of operand, shifts by variable counts, bit tricks. */
typedef unsigned long long u64;
typedef long long s64;
static volatile int zero = 0;

static u64 mix(u64 h, u64 v) { return (h ^ v) * 0x100000001b3ull; }

int main(int rounds) {
  u64 h = 0xcbf29ce484222325ull, x = 88172645463325252ull;
  for (int i = 0; i < rounds; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    u64 y = x * 6364136223846793005ull + i;
    int s = (int)(x >> 5) & 63;
    h = mix(h, x / (y | 1));
    h = mix(h, x % (y >> s | 1));
    h = mix(h, (s64)x / ((s64)y >> s | 1));
    h = mix(h, (s64)x % ((s64)y >> s | 1));
    h = mix(h, x << s | y >> s);
    h = mix(h, (unsigned)x / ((unsigned)y >> (s & 31) | 1));
    h = mix(h, (int)x % ((int)y >> (s & 31) | 1));
    h = mix(h, (short)x / ((short)y | 1));
    h = mix(h, (signed char)x % ((signed char)y | 1));
    h = mix(h, (unsigned char)x / ((unsigned char)y | 1));
    h = mix(h, (unsigned)x / 7 + (int)y / -13 + (unsigned short)x % 10);
    h = mix(h, __builtin_popcount((unsigned)x) + __builtin_clz((unsigned)y | 1) + __builtin_ctz((unsigned)y | 256));
    h = mix(h, __builtin_bswap32((unsigned)y) ^ ((unsigned)x << (s & 31) | (unsigned)x >> (-s & 31)));
    h = mix(h, (x > y) + 2 * ((s64)x > (s64)y) + 4 * ((int)x < (int)y) + 8 * ((unsigned)x <= (unsigned)y));
    h = mix(h, (int)x < 0 ? (int)x + zero : (int)y - zero);
  }
  return (int)(h ^ h >> 32);
}
