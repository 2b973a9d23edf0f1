/* strtol, strtod and their kin, sscanf; edges, overflow, rounding. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void integers(void) {
  static const char *const texts[] = {"0",
                                      "42",
                                      "-42",
                                      "+7",
                                      "  \t\n12x",
                                      "0x1F",
                                      "0x",
                                      "0xg",
                                      "077",
                                      "08",
                                      "zz",
                                      "-zz",
                                      "",
                                      "-",
                                      "2147483647",
                                      "2147483648",
                                      "-2147483648",
                                      "-2147483649",
                                      "4294967295",
                                      "4294967296",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "-9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "99999999999999999999999",
                                      "0b101",
                                      "1010",
                                      "- 1",
                                      "1 2"};
  static const int bases[] = {0, 10, 16, 8, 2, 36};
  for (unsigned t = 0; t < sizeof texts / sizeof *texts; t++) {
    for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) {
      char *end[4];
      errno = 0;
      long l = strtol(texts[t], &end[0], bases[i]);
      int e0 = errno;
      errno = 0;
      unsigned long ul = strtoul(texts[t], &end[1], bases[i]);
      int e1 = errno;
      errno = 0;
      long long ll = strtoll(texts[t], &end[2], bases[i]);
      int e2 = errno;
      errno = 0;
      unsigned long long ull = strtoull(texts[t], &end[3], bases[i]);
      int e3 = errno;
      printf("'%s' %d: %ld %lu %lld %llu %d%d%d%d %d\n", texts[t], bases[i], l, ul, ll, ull,
             e0 == ERANGE, e1 == ERANGE, e2 == ERANGE, e3 == ERANGE, (int)(end[0] - texts[t]));
      if (end[1] != end[0] || end[2] != end[0] || end[3] != end[0]) puts("ends differ");
    }
  }
  printf("%d %ld %lld\n", atoi("123abc"), atol("-77"), atoll("1234567890123"));
}

static void reals(void) {
  static const char *const texts[] = {"0",
                                      "-0",
                                      "1",
                                      "1.5",
                                      ".5",
                                      "5.",
                                      ".",
                                      "e5",
                                      "1e",
                                      "1e+",
                                      "1e5",
                                      "1E-5",
                                      "  3.25xyz",
                                      "inf",
                                      "-INFINITY",
                                      "infinit",
                                      "nan",
                                      "nan(12)",
                                      "nan(",
                                      "0x1p3",
                                      "0x1.8p1",
                                      "0x.8",
                                      "0x",
                                      "0x1.fffffffffffff8p0",
                                      "0x1.fffffffffffff7p0",
                                      "0x0.0000000000001p-1022",
                                      "0x1p-1075",
                                      "0x1.8p-1074",
                                      "0.1",
                                      "0.2",
                                      "0.3",
                                      "1e22",
                                      "1e23",
                                      "9007199254740993",
                                      "9007199254740992.9999999999999999999999999",
                                      "9007199254740993.0000000000000000000000001",
                                      "1.7976931348623157e308",
                                      "1.7976931348623158e308",
                                      "1.7976931348623159e308",
                                      "1e309",
                                      "1e400",
                                      "-1e99999",
                                      "1e-400",
                                      "5e-324",
                                      "2e-324",
                                      "2.4703282292062327e-324",
                                      "2.4703282292062328e-324",
                                      "2.2250738585072011e-308",
                                      "2.2250738585072014e-308",
                                      "123456789012345678901234567890",
                                      "0.000000000000000000000000000001234",
                                      "3.4028234663852886e38",
                                      "3.4028235677973366e38",
                                      "1.1754943508222875e-38",
                                      "1.4e-45",
                                      "7e-46",
                                      "16777217",
                                      "16777219",
                                      "8388608.5",
                                      "8388609.5",
                                      "6.0221407600000000e+23",
                                      "1.00000000000000011102230246251565404236316680908203125",
                                      "1.00000000000000011102230246251565404236316680908203124",
                                      "1.00000000000000011102230246251565404236316680908203126",
                                      "00000000000000000000000000000000000000000000000001.5",
                                      "179769313486231580793e289",
                                      "1e0000000000000000000001"};
  for (unsigned t = 0; t < sizeof texts / sizeof *texts; t++) {
    char *end, *float_end;
    errno = 0;
    double d = strtod(texts[t], &end);
    int range = errno == ERANGE;
    float f = strtof(texts[t], &float_end);
    printf("'%s' %.17g %a %.9g %d %d %d\n", texts[t], d, d, (double)f, range, (int)(end - texts[t]),
           (int)(float_end - texts[t]));
  }
  static const char *const long_texts[] = {"0.1",
                                           "1e4932",
                                           "1e4933",
                                           "1e-4950",
                                           "3.6451995318824746025e-4951",
                                           "1.18973149535723176502e4932",
                                           "18446744073709551617",
                                           "18446744073709551615.5",
                                           "0x1.23456789abcdef018p0",
                                           "3.14159265358979323846264338327950288"};
  for (unsigned t = 0; t < sizeof long_texts / sizeof *long_texts; t++) {
    long double value = strtold(long_texts[t], NULL);
    printf("'%s' %.21Lg %La\n", long_texts[t], value, value);
  }
}

/* Whatever is printed with 17 digits reads back as the same number. */
static void round_trip(void) {
  unsigned long long bits = 88172645463325252ull;
  int wrong = 0, wrong_float = 0;
  unsigned hash = 0;
  for (int i = 0; i < 300; i++) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double value;
    char text[64];
    memcpy(&value, &bits, sizeof value);
    if (value != value) continue;
    snprintf(text, sizeof text, "%.17g", value);
    if (strtod(text, NULL) != value) wrong++;
    for (char *p = text; *p; p++) hash = hash * 31 + (unsigned char)*p;
    float single;
    unsigned low = (unsigned)bits;
    memcpy(&single, &low, sizeof single);
    snprintf(text, sizeof text, "%.9g", (double)single);
    if (single == single && strtof(text, NULL) != single) wrong_float++;
    snprintf(text, sizeof text, "%.15e", value);
    double back = strtod(text, NULL);
    snprintf(text, sizeof text, "%a", back);
    for (char *p = text; *p; p++) hash = hash * 31 + (unsigned char)*p;
  }
  printf("round trip: %d %d wrong, %08x\n", wrong, wrong_float, hash);
}

static void scanning(void) {
  int i = 0, j = 0, n = 0;
  unsigned u = 0;
  short h = 0;
  signed char hh = 0;
  long long ll = 0;
  double d = 0;
  float f = 0;
  char word[20] = "", set[20] = "", chars[4] = "";
  printf("%d ", sscanf("12 -34 5a", "%d %i %x", &i, &j, &u));
  printf("%d %d %u\n", i, j, u);
  printf("%d ", sscanf("0x1f 017 9", "%i%i%i", &i, &j, &n));
  printf("%d %d %d\n", i, j, n);
  printf("%d ", sscanf("3.5e2,-.25 word [abc]xyz", "%lf,%f %s [%[a-c]]%3c%n", &d, &f, word, set,
                       chars, &n));
  printf("%g %g %s %s %.3s %d\n", d, (double)f, word, set, chars, n);
  printf("%d ", sscanf("123456789", "%3d%*2d%hd", &i, &h));
  printf("%d %d\n", i, h);
  printf("%d ", sscanf("300 -5 9999999999", "%hhd %hd %lld", &hh, &h, &ll));
  printf("%d %d %lld\n", hh, h, ll);
  printf("%d ", sscanf("a=1;b=2", "a=%d;b=%d", &i, &j));
  printf("%d %d\n", i, j);
  printf("%d %d %d %d\n", sscanf("", "%d", &i), sscanf("x", "%d", &i), sscanf("  ", "%s", word),
         sscanf("5", "%d%d", &i, &j));
  printf("%d ", sscanf("key : value", "%[^:]:%s", set, word));
  printf("[%s][%s]\n", set, word);
  printf("%d ", sscanf("50% done", "%d%% %4s", &i, word));
  printf("%d %s\n", i, word);
  printf("%d ", sscanf("]x", "%[]x]", set));
  printf("%s\n", set);
}

int main(void) {
  integers();
  reals();
  round_trip();
  scanning();
  return 0;
}
