/* Quicksort with a comparison function: indirect calls, swaps, recursion. */
static int values[1 << 14];

static int compare(const int *a, const int *b) { return *a < *b ? -1 : *a > *b; }

static void sort(int *low, int *high, int (*order)(const int *, const int *)) {
  while (low < high) {
    int pivot = low[(high - low) / 2], *i = low, *j = high;
    while (i <= j) {
      while (order(i, &pivot) < 0) i++;
      while (order(j, &pivot) > 0) j--;
      if (i <= j) {
        int t = *i;
        *i++ = *j;
        *j-- = t;
      }
    }
    if (j - low < high - i) {
      sort(low, j, order);
      low = i;
    } else {
      sort(i, high, order);
      high = j;
    }
  }
}

int main(int rounds) {
  unsigned seed = 1, sum = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < 1 << 14; i++) {
      seed = seed * 1664525 + 1013904223;
      values[i] = seed;
    }
    sort(values, values + (1 << 14) - 1, compare);
    for (int i = 1; i < 1 << 14; i++) {
      if (values[i - 1] > values[i]) return -1;
      sum = sum * 31 + values[i];
    }
  }
  return sum;
}
