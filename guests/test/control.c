/* Control flow: setjmp, varargs, switches, recursion, function pointers, structures by value,
 * qsort. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static jmp_buf point;

static void descend(int depth) {
  volatile char pad[50];
  pad[0] = (char)depth;
  if (depth == 0) longjmp(point, 42);
  descend(depth - 1);
  pad[1] = pad[0];
}

static void jumps(void) {
  volatile int count = 0;
  int value = setjmp(point);
  printf("setjmp %d, count %d\n", value, count);
  count++;
  if (value == 0) descend(30);
  if (count == 2) longjmp(point, 0);
}

struct small {
  char c;
};
struct pair {
  int a, b;
};
struct large {
  int values[20];
  double d;
};

static double sum(int count, const char *types, ...) {
  va_list list, copy;
  va_start(list, types);
  va_copy(copy, list);
  double total = 0;
  for (int i = 0; i < count; i++) {
    switch (types[i]) {
      case 'i': total += va_arg(list, int); break;
      case 'l': total += (double)va_arg(list, long long); break;
      case 'd': total += va_arg(list, double); break;
      case 'L': total += (double)va_arg(list, long double); break;
      case 'p': total += va_arg(list, struct pair).b; break;
      case 's': total += (double)strlen(va_arg(list, char *)); break;
    }
  }
  total += types[0] == 'i' ? va_arg(copy, int) : 0;
  va_end(copy);
  va_end(list);
  return total;
}

static struct small make_small(int c) { return (struct small){(char)c}; }
static struct pair swap(struct pair p) { return (struct pair){p.b, p.a}; }
static struct large fill(int start, struct large from) {
  for (int i = 0; i < 20; i++) from.values[i] += start + i;
  from.d *= 2;
  return from;
}

static __attribute__((noinline)) int classify(unsigned n) {
  switch (n) {
    case 0: return 5;
    case 1: return 17;
    case 2: return 3;
    case 3:
    case 4:
    case 5: return 99;
    case 6: return -1;
    case 7: return 12;
    case 8: return 1000;
    case 9: return classify(n - 3);
    case 10: return 31;
    case 100: return 7;
    case 1000: return 8;
    case 100000: return 9;
    case 0x7fffffff: return 10;
    case 0xffffffff: return 11;
    default: return (int)(n % 7);
  }
}

static unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static int add(int a, int b) { return a + b; }
static int subtract(int a, int b) { return a - b; }
static int multiply(int a, int b) { return a * b; }

static int by_value(const void *a, const void *b) {
  int x = *(const int *)a, y = *(const int *)b;
  return (x > y) - (x < y);
}
static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}
static int by_record(const void *a, const void *b) {
  const struct large *x = a, *y = b;
  return (x->values[0] > y->values[0]) - (x->values[0] < y->values[0]);
}

static void sorting(void) {
  static int numbers[500];
  unsigned seed = 12345;
  for (int i = 0; i < 500; i++)
    numbers[i] = (int)((seed = seed * 1103515245u + 12345) >> 8) - 8000000;
  qsort(numbers, 500, sizeof *numbers, by_value);
  int ordered = 1;
  for (int i = 1; i < 500; i++) ordered &= numbers[i - 1] <= numbers[i];
  int *found = bsearch(&numbers[321], numbers, 500, sizeof *numbers, by_value), missing = 1;
  printf("%d %d %d %d %d\n", ordered, numbers[0], numbers[499], *found == numbers[321],
         bsearch(&missing, numbers, 500, 4, by_value) == NULL);
  const char *words[] = {"pear", "apple", "fig", "banana", "cherry", "date", "apple"};
  qsort(words, 7, sizeof *words, by_text);
  for (int i = 0; i < 7; i++) printf("%s ", words[i]);
  static struct large records[40];
  for (int i = 0; i < 40; i++) records[i].values[0] = i * 7 % 40, records[i].d = i;
  qsort(records, 40, sizeof *records, by_record);
  for (int i = 0; i < 40; i++) printf("%g ", records[i].d);
  qsort(numbers, 0, 4, by_value);
  qsort(numbers, 1, 4, by_value);
  putchar('\n');
}

static void leave(void) { puts("atexit"); }

int main(int argc, char **argv) {
  printf("%d %d\n", argc, argv[argc] == NULL);
  jumps();
  printf("%g\n", sum(6, "ildLps", 1, 2ll, 3.5, 4.25L, (struct pair){5, 6}, "seven"));
  struct pair p = swap((struct pair){1, 2});
  struct large l = {.d = 1.5};
  l = fill(3, fill(1, l));
  printf("%c %d %d %d %g\n", make_small('q').c, p.a, p.b, l.values[19], l.d);
  static const unsigned inputs[] = {0,  1,  2,  3,   4,   5,    6,      7,          8,         9,
                                    10, 11, 99, 100, 101, 1000, 100000, 0x7fffffff, 0xffffffff};
  for (unsigned i = 0; i < sizeof inputs / sizeof *inputs; i++) printf("%d ", classify(inputs[i]));
  printf("\n%u\n", ackermann(2, 9));
  int (*operations[])(int, int) = {add, subtract, multiply};
  for (int i = 0; i < 9; i++) printf("%d ", operations[i % 3](i * 11, i + 2));
  putchar('\n');
  void *labels[] = {&&first, &&second, &&third};
  int step = 0;
first:
  step++;
  if (step < 5) goto *labels[step % 3];
  goto done;
second:
  step += 10;
  goto *labels[2];
third:
  step += 100;
  if (step < 300) goto *labels[(step / 10) % 3];
done:
  printf("step %d\n", step);
  sorting();
  atexit(leave);
  return 7;
}
