/* Loops over 32-bit integers: Collatz lengths, greatest common divisors, trial division, digit sums, bit reversal. */
typedef unsigned u32;

static u32 collatz(u32 n) {
  u32 steps = 0;
  while (n != 1) {
    n = n & 1 ? 3 * n + 1 : n >> 1;
    steps++;
  }
  return steps;
}

static u32 gcd(u32 a, u32 b) {
  while (b) {
    u32 rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static int is_prime(u32 n) {
  if (n % 2 == 0) return n == 2;
  for (u32 d = 3; d * d <= n; d += 2)
    if (n % d == 0) return 0;
  return n > 1;
}

static u32 reverse_bits(u32 x) {
  u32 result = 0;
  for (int i = 0; i < 32; i++) {
    result = result << 1 | (x & 1);
    x >>= 1;
  }
  return result;
}

static u32 digit_sum(u32 x) {
  u32 sum = 0;
  for (; x; x /= 10) sum += x % 10;
  return sum;
}

int main(int rounds) {
  u32 hash = 2166136261u;
  for (int round = 0; round < rounds; round++) {
    u32 x = 0x9e3779b9u * (round + 1);
    for (u32 n = 1; n < 256; n++) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      hash = (hash ^ collatz(n + (round & 63))) * 16777619u;
      hash += gcd(x, n * 40320u) + is_prime(n * 2 + 10001);
      hash ^= reverse_bits(x) + digit_sum(x);
    }
  }
  return hash;
}
