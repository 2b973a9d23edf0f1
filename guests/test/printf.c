/* Every conversion, flag, width, precision and length modifier of printf, and snprintf's bounds. */

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const flag_sets[] = {"",   "-",  "+",  " ",  "#",   "0",   "-+", "- ",
                                        "+0", " 0", "#0", "#-", "+#0", "-#+", "-0"};
static const char *const widths[] = {"", "1", "5", "12", "25"};
static const char *const precisions[] = {"", ".", ".0", ".1", ".3", ".7", ".15"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Calls body with `format` set to many combinations for a conversion with its length modifier;
 * `turn` makes the choice of flags and widths another one for each value. */
static unsigned turn;
#define FOR_FORMATS(conversion, body)                                                         \
  for (unsigned f = turn++ % 4; f < COUNT(flag_sets); f += 4)                                 \
    for (unsigned w = turn % 3; w < COUNT(widths); w += 3)                                    \
      for (unsigned p = 0; p < COUNT(precisions); p++) {                                      \
        char format[40];                                                                      \
        snprintf(format, sizeof format, "%%%s%s%s%s", flag_sets[f], widths[w], precisions[p], \
                 conversion);                                                                 \
        body;                                                                                 \
      }

/* -DVERBOSE=1 shows every line, to find the one that differs. */
#ifndef VERBOSE
#define VERBOSE 0
#endif

static unsigned hash = 2166136261u;

/* Too much to print in full: lines go into a hash, and every 97th is shown. */
static void check(const char *format, const char *text, int length) {
  static unsigned count;
  for (const char *p = text; *p; p++) hash = (hash ^ (unsigned char)*p) * 16777619u;
  hash = (hash ^ (unsigned)length) * 16777619u;
  if (VERBOSE || count++ % 97 == 0) printf("%-16s [%s] %d\n", format, text, length);
}

#define ONE(value)                                           \
  do {                                                       \
    char text[600];                                          \
    int length = snprintf(text, sizeof text, format, value); \
    check(format, text, length);                             \
  } while (0)

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat"

static void integers(void) {
  static const int values[] = {0, 1, -1, 7, 42, -42, 123456, INT_MAX, INT_MIN, 255, -129, 65537};
  static const char *const conversions[] = {"d",   "i",   "u",  "o",  "x",   "X",
                                            "hhd", "hhu", "hd", "hu", "hhx", "ho",
                                            "ld",  "lu",  "lx", "zd", "zu",  "td"};
  for (unsigned c = 0; c < COUNT(conversions); c++) {
    for (unsigned v = 0; v < COUNT(values); v++) FOR_FORMATS(conversions[c], ONE(values[v]));
    printf("%s %08x\n", conversions[c], hash);
  }
}

static void long_integers(void) {
  static const long long values[] = {
      0, 1, -1, LLONG_MAX, LLONG_MIN, 1234567890123456789ll, 4294967296ll, -4294967295ll};
  static const char *const conversions[] = {"lld", "lli", "llu", "llo", "llx",
                                            "llX", "jd",  "ju",  "jx"};
  for (unsigned c = 0; c < COUNT(conversions); c++) {
    for (unsigned v = 0; v < COUNT(values); v++) FOR_FORMATS(conversions[c], ONE(values[v]));
    printf("%s %08x\n", conversions[c], hash);
  }
}

static void reals(void) {
  static const double values[] = {0.0,
                                  -0.0,
                                  1.0,
                                  -1.0,
                                  0.5,
                                  1.5,
                                  2.5,
                                  0.1,
                                  1.0 / 3,
                                  2.0 / 3,
                                  9.9999,
                                  99999.95,
                                  999999.4,
                                  1e5,
                                  1e6,
                                  123456789.0,
                                  1e15,
                                  1e16,
                                  1e21,
                                  1e22,
                                  1e23,
                                  1e100,
                                  1.7976931348623157e308,
                                  5e-324,
                                  1e-310,
                                  2.2250738585072014e-308,
                                  1e-5,
                                  0.0001,
                                  0.00012345,
                                  0.000099999999,
                                  3.14159265358979,
                                  -2.718281828,
                                  0.045,
                                  0.125,
                                  0.375,
                                  1e-7,
                                  123.456,
                                  4503599627370496.5,
                                  9007199254740993.0,
                                  0.3,
                                  1e10,
                                  8.5,
                                  0.25};
  static const char *const conversions[] = {"f", "F", "e", "E", "g", "G", "a", "A"};
  for (unsigned c = 0; c < COUNT(conversions); c++) {
    for (unsigned v = 0; v < COUNT(values); v++) FOR_FORMATS(conversions[c], ONE(values[v]));
    printf("%s %08x\n", conversions[c], hash);
  }
  static const double specials[] = {INFINITY, -INFINITY, NAN};
  for (unsigned c = 0; c < COUNT(conversions); c++) {
    for (unsigned v = 0; v < COUNT(specials); v++) FOR_FORMATS(conversions[c], ONE(specials[v]));
  }
  printf("specials %08x\n", hash);
}

static void long_reals(void) {
  static const long double values[] = {0.0L,
                                       1.0L,
                                       -1.5L,
                                       1.0L / 3,
                                       3.14159265358979323846L,
                                       1e19L,
                                       18446744073709551615.0L,
                                       1e-20L,
                                       1e300L,
                                       LDBL_EPSILON,
                                       0.1L,
                                       15.96875L,
                                       255.99L};
  static const char *const conversions[] = {"Lf", "Le", "Lg", "LG", "La"};
  for (unsigned c = 0; c < COUNT(conversions); c++) {
    for (unsigned v = 0; v < COUNT(values); v++) FOR_FORMATS(conversions[c], ONE(values[v]));
    printf("%s %08x\n", conversions[c], hash);
  }
  printf("%.25Lg %.25Lg %.3La\n", LDBL_MAX, LDBL_MIN, LDBL_MAX);
}

static void strings(void) {
  static const char *const values[] = {"", "a", "hello", "a longer string than any width here"};
  for (unsigned v = 0; v < COUNT(values); v++) FOR_FORMATS("s", ONE(values[v]));
  FOR_FORMATS("c", ONE('x'));
  printf("strings %08x\n", hash);
  printf("[%s] [%10s] [%.3s] [%p] [%12p] [%-12p]\n", (char *)NULL, (char *)NULL, (char *)NULL, NULL,
         (void *)0x1234, (void *)0xdeadbeef);
  printf("[%*d] [%-*d] [%*d] [%.*f] [%.*f] [%.*s]\n", 6, 42, 6, 42, -6, 42, 2, 3.14159, -1, 2.5, 2,
         "abc");
  printf("[%2$s %1$s] [%1$*3$s|%2$-*3$s]\n", "one", "two", 6);
  printf("%d%%|%5%|%c%c\n", 100, 'o', 'k');
}

static void exact(void) {
  printf("%.1100f\n", 5e-324);
  printf("%.0f\n", 1.7976931348623157e308);
  printf("%.60e\n%.60g\n%.20a\n", 0.1, 0.1, 0.1);
  printf("%.0f %.0f %.0f %.0f %.0f\n", 0.5, 1.5, 2.5, 3.5, 4.5);
  printf("%.1f %.1f %.1f %.2f %.2f\n", 0.25, 0.35, 0.45, 1.005, 2.675);
  printf("%#.0f %#.0e %#g %g %g %g\n", 1.0, 1.0, 1.0, 100000.0, 1000000.0, 0.0001);
  for (int i = -30; i <= 30; i++) printf("%g %.17g ", ldexp(1.1, i * 7), ldexp(1.7, i * 11));
  putchar('\n');
}

static void bounds(void) {
  char small[8];
  memset(small, '#', sizeof small);
  int length = snprintf(small, 5, "%d", 1234567);
  printf("%s %d %c\n", small, length, small[6]);
  length = snprintf(small, 1, "abc");
  printf("[%s] %d\n", small, length);
  printf("%d\n", snprintf(NULL, 0, "%100d|%.50f", 1, 1.0));
  int first = 0, second = 0;
  printf("ab%ncd%n\n", &first, &second);
  printf("%d %d\n", first, second);
  printf("%" PRId64 " %" PRIu32 " %" PRIx16 " %" PRIuPTR "\n", INT64_MIN, UINT32_MAX,
         (uint16_t)0xbeef, (uintptr_t)77);
  printf("%d\n", printf("length\n"));
}

int main(void) {
  integers();
  long_integers();
  reals();
  long_reals();
  strings();
  exact();
  bounds();
  return 0;
}
