/* The functions of string.h, strings.h and ctype.h at every alignment and near every edge. */

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static unsigned char a[300], b[300];

static int sign(int value) { return (value > 0) - (value < 0); }

static unsigned hash(const unsigned char *p, size_t length) {
  unsigned h = 2166136261u;
  while (length--) h = (h ^ *p++) * 16777619u;
  return h;
}

static void fill(void) {
  for (unsigned i = 0; i < sizeof a; i++) {
    a[i] = (unsigned char)(i * 7 + 1);
    b[i] = (unsigned char)(i * 13 + 5);
  }
}

static void blocks(void) {
  unsigned h = 0;
  for (unsigned to = 0; to < 9; to++) {
    for (unsigned from = 0; from < 9; from++) {
      for (unsigned length = 0; length < 70; length += 1 + length / 20) {
        fill();
        h = h * 31 + (memcpy(a + to, b + from, length) == a + to);
        h = h * 31 + hash(a, sizeof a);
        fill();
        memmove(a + 20 + to, a + 20 + from, length);
        h = h * 31 + hash(a, sizeof a);
        memset(a + to, (int)from, length);
        h = h * 31 + hash(a, sizeof a);
        fill();
        memcpy(a + to, b + from, length);
        h = h * 31 + (unsigned)sign(memcmp(a + to, b + from, length + 3));
        h = h * 31 + (memchr(a + to, b[from + length / 2], length) != NULL);
      }
    }
  }
  printf("blocks %08x\n", h);
  memmove(a, a + 1, 200);
  memmove(a + 100, a + 3, 190);
  printf("moved %08x\n", hash(a, sizeof a));
  printf("%d %d\n", sign(memcmp("\x80", "\x01", 1)), sign(strcmp("\xff", "a")));
}

static void lengths(void) {
  char text[128];
  unsigned h = 0;
  for (int offset = 0; offset < 8; offset++) {
    for (int length = 0; length < 100; length++) {
      memset(text, 'x', sizeof text);
      text[offset + length] = 0;
      h = h * 31 + (unsigned)strlen(text + offset) + (unsigned)strnlen(text + offset, 50) * 7;
      text[offset + length] = '\x80';
      text[offset + length + 1] = 0;
      h = h * 31 + (unsigned)strlen(text + offset);
    }
  }
  printf("lengths %08x\n", h);
}

static void searching(void) {
  const char *text = "the quick brown fox jumps over the lazy dog";
  printf("%s|%s|%s\n", strchr(text, 'q'), strrchr(text, 'o'), strstr(text, "fox"));
  printf("%d %d %d\n", strchr(text, 'Z') == NULL, *strchr(text, 0), strstr(text, "") == text);
  printf("%d\n",
         strstr("aaaaab", "aab") - (char *)NULL != 0 ? (int)strlen(strstr("aaaaab", "aab")) : -1);
  printf("%zu %zu %s\n", strspn(text, "the "), strcspn(text, "xyz"), strpbrk(text, "xyz"));
  printf("%s\n", strcasestr(text, "LAZY"));
  printf("%d %d %d\n", sign(strcasecmp("HeLLo", "hEllO")), sign(strcasecmp("a", "B")),
         sign(strncasecmp("abcX", "ABCy", 3)));
  printf("%d %d %d\n", sign(strcmp("abc", "abd")), sign(strncmp("abcx", "abcy", 3)),
         sign(strcmp("", "a")));
  printf("%d\n", (int)((char *)memmem(text, strlen(text), "over", 4) - text));
  printf("%d %d %d\n", ffs(0), ffs(1), ffs(0x8000));
}

static void building(void) {
  char buffer[40];
  strcpy(buffer, "abc");
  strcat(buffer, "def");
  strncat(buffer, "ghijkl", 3);
  printf("%s\n", buffer);
  memset(buffer, '#', sizeof buffer);
  strncpy(buffer, "xy", 6);
  printf("%s %d %c\n", buffer, buffer[5], buffer[6]);
  strncpy(buffer, "longer than six", 6);
  printf("%.8s\n", buffer);
  printf("%d\n", (int)(stpcpy(buffer, "end") - buffer));
  char *copy = strdup("duplicate"), *part = strndup("duplicate", 3);
  printf("%s %s\n", copy, part);
  free(copy);
  free(part);
}

static void tokens(void) {
  char text[] = ",,a,bc;;d,,", more[] = "x=1;y=;z";
  for (char *state, *token = strtok_r(text, ",;", &state); token;
       token = strtok_r(NULL, ",;", &state)) {
    printf("<%s>", token);
  }
  char *rest = more;
  for (char *field; (field = strsep(&rest, ";="));) printf("(%s)", field);
  char again[] = "one two";
  char *first = strtok(again, " "), *second = strtok(NULL, " ");
  printf("%s %s %d\n", first, second, strtok(NULL, " ") == NULL);
}

static void classes(void) {
  unsigned h = 0;
  for (int c = 0; c < 128; c++) {
    h = h * 33 + (unsigned)(!!isalnum(c) | !!isalpha(c) << 1 | !!isblank(c) << 2 |
                            !!iscntrl(c) << 3 | !!isdigit(c) << 4 | !!isgraph(c) << 5 |
                            !!islower(c) << 6 | !!isprint(c) << 7 | !!ispunct(c) << 8 |
                            !!isspace(c) << 9 | !!isupper(c) << 10 | !!isxdigit(c) << 11);
    h = h * 33 + (unsigned)(tolower(c) * 256 + toupper(c));
  }
  printf("classes %08x\n", h);
}

int main(void) {
  blocks();
  lengths();
  searching();
  building();
  tokens();
  classes();
  printf("%s|%s|%s|%s\n", strerror(ENOMEM), strerror(ECONNRESET), strerror(0), strerror(9999));
  return 0;
}
