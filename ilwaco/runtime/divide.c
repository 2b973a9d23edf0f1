/*
 * 64-bit division, which gcc and clang call for on i386. By the names of libgcc, so that no 32-bit
 * libgcc is needed on the host. Runs inside upcalls: compiled without FPU and SSE.
 */

#include <stdint.h>

/* high:low / divisor, where high < divisor */
static uint32_t divide_step(uint32_t high, uint32_t low, uint32_t divisor, uint32_t *remainder) {
  uint32_t quotient;
  __asm__("divl %4" : "=a"(quotient), "=d"(*remainder) : "0"(low), "1"(high), "rm"(divisor) : "cc");
  return quotient;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *remainder) {
  uint32_t n1 = (uint32_t)(n >> 32), n0 = (uint32_t)n, d1 = (uint32_t)(d >> 32), d0 = (uint32_t)d;
  if (d1 == 0) { /* two digits by one; by zero: the processor raises #DE */
    uint32_t rest = n1, high = 0;
    if (n1 >= d0) high = divide_step(0, n1, d0, &rest);
    uint32_t low = divide_step(rest, n0, d0, &rest);
    if (remainder) *remainder = rest;
    return (uint64_t)high << 32 | low;
  }
  if (n < d) {
    if (remainder) *remainder = n;
    return 0;
  }
  /* Knuth 1969, 4.3.1 D: the quotient's one digit is guessed from the leading digits, normalised;
   * the guess is right or one too high after it is scaled back. */
  int shift = __builtin_clz(d1);
  uint32_t ignored;
  uint64_t half = n >> 1;
  uint32_t leading = (uint32_t)(d << shift >> 32);
  uint64_t quotient = divide_step((uint32_t)(half >> 32), (uint32_t)half, leading, &ignored);
  quotient = quotient >> (31 - shift);
  if (quotient) quotient--;
  uint64_t rest = n - quotient * d;
  if (rest >= d) {
    quotient++;
    rest -= d;
  }
  if (remainder) *remainder = rest;
  return quotient;
}

uint64_t __udivdi3(uint64_t n, uint64_t d) { return __udivmoddi4(n, d, 0); }

uint64_t __umoddi3(uint64_t n, uint64_t d) {
  uint64_t remainder;
  __udivmoddi4(n, d, &remainder);
  return remainder;
}

static uint64_t magnitude(int64_t value) {
  return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int64_t __divmoddi4(int64_t n, int64_t d, int64_t *remainder) {
  uint64_t rest, quotient = __udivmoddi4(magnitude(n), magnitude(d), &rest);
  *remainder = (int64_t)(n < 0 ? 0 - rest : rest);
  return (int64_t)((n < 0) != (d < 0) ? 0 - quotient : quotient);
}

int64_t __divdi3(int64_t n, int64_t d) {
  int64_t remainder;
  return __divmoddi4(n, d, &remainder);
}

int64_t __moddi3(int64_t n, int64_t d) {
  int64_t remainder;
  __divmoddi4(n, d, &remainder);
  return remainder;
}
