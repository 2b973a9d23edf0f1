/* The sieve of Eratosthenes: strided byte stores, counting. */
static unsigned char composite[1 << 18];

int main(int rounds) {
  int count = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 1 << 18; i++) composite[i] = 0;
    count = 0;
    for (int i = 2; i < 1 << 18; i++) {
      if (composite[i]) continue;
      count++;
      for (int j = i + i; j < 1 << 18; j += i) composite[j] = 1;
    }
  }
  return count;
}
