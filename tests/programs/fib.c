/* Recursive Fibonacci: calls, returns, the stack. */
__attribute__((noinline)) static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(int rounds) {
  unsigned sum = 0;
  for (int round = 0; round < rounds; round++) sum = sum * 31 + fib(14 + round % 4);
  return sum;
}
