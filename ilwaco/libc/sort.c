/*
 * qsort and bsearch. Heapsort: no recursion, no memory, and no input makes it quadratic, which
 * matters where the input comes from the network.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int (*comparison)(const void *, const void *);

static void swap(char *a, char *b, size_t size) {
  for (; size >= 4; size -= 4, a += 4, b += 4) {
    uint32_t x, y;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    memcpy(a, &y, 4);
    memcpy(b, &x, 4);
  }
  for (; size; size--, a++, b++) {
    char c = *a;
    *a = *b;
    *b = c;
  }
}

/* Moves the item at `root` down until no child is greater. */
static void sift_down(char *base, size_t root, size_t count, size_t size, comparison compare) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0) child++;
    if (compare(base + root * size, base + child * size) >= 0) return;
    swap(base + root * size, base + child * size, size);
  }
}

void qsort(void *base, size_t count, size_t size, comparison compare) {
  if (count < 2) return;
  for (size_t root = count / 2; root-- > 0;) sift_down(base, root, count, size, compare);
  for (size_t last = count - 1; last > 0; last--) {
    swap(base, (char *)base + last * size, size);
    sift_down(base, 0, last, size, compare);
  }
}

void *bsearch(const void *key, const void *base, size_t count, size_t size, comparison compare) {
  const char *low = base;
  while (count) {
    const char *middle = low + count / 2 * size;
    int order = compare(key, middle);
    if (order == 0) return (void *)middle;
    if (order > 0) {
      low = middle + size;
      count--;
    }
    count /= 2;
  }
  return NULL;
}
