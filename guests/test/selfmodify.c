/* Self-modifying code: functions written at run time, patched between calls, across a page boundary
 * and while they run, and a small compiler for formulas. Needs memory that can be written and
 * executed. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

#define PAGE 4096

static uint8_t code[2 * PAGE] __attribute__((aligned(PAGE)));

/* Writes an instruction: bytes, then a doubleword if there is one. */
static uint8_t *put(uint8_t *at, const char *bytes, int length) {
  memcpy(at, bytes, (size_t)length);
  return at + length;
}

static uint8_t *put_word(uint8_t *at, uint32_t value) {
  memcpy(at, &value, 4);
  return at + 4;
}

static int call(const void *function, int argument) {
  return ((int (*)(int))(uintptr_t)function)(argument);
}

/* mov eax, value; ret */
static void write_constant(uint8_t *at, uint32_t value) {
  at = put_word(put(at, "\xb8", 1), value);
  put(at, "\xc3", 1);
}

static void patched_between_calls(uint8_t *at) {
  uint32_t sum = 0;
  write_constant(at, 0);
  for (uint32_t i = 0; i < 2000; i++) {
    memcpy(at + 1, &i, 4);
    sum = sum * 31 + (uint32_t)call(at, 0);
  }
  printf("patched: %u\n", sum);
}

/* The first instruction changes the last byte of the second, or the opcode of the third. */
static void patched_while_running(uint8_t *at) {
  uint8_t *second = at + 7;
  uint8_t *end = put_word(put(at, "\xc6\x05", 2), (uint32_t)(uintptr_t)(second + 1));
  end = put(end, "\x2a", 1);              /* mov byte [second + 1], 42 */
  end = put_word(put(end, "\xb8", 1), 7); /* second: mov eax, 7 */
  put(end, "\xc3", 1);
  printf("next instruction: %d\n", call(at, 0));
  /* mov ecx, 5; again: inc byte [immediate]; add eax, immediate; loop again; ret */
  end = put_word(put(at, "\x31\xc0\xb9", 3), 5);
  uint8_t *again = end;
  end = put_word(put(end, "\xfe\x05", 2), (uint32_t)(uintptr_t)(again + 8));
  end = put(end, "\x83\xc0\x01", 3);
  end = put(end, "\xe2", 1);
  *end = (uint8_t)(again - (end + 1));
  put(end + 1, "\xc3", 1);
  printf("in a loop: %d\n", call(at, 0));
}

static void straddling(void) {
  for (int before = 1; before < 6; before++) {
    uint8_t *at = code + PAGE - before;
    write_constant(at, 1000u + (uint32_t)before);
    int first = call(at, 0);
    memcpy(at + 1, "\x11\x22\x33\x44", 4);
    printf("%d bytes before the page's end: %d %x\n", before, first, (unsigned)call(at, 0));
  }
}

/* Formulas in reverse notation: x, digits, + - * and ~ (negate). Operands are on the stack; where x
 * lies depends on how many there are: place_argument fills that in. */
static void compile(const char *formula, uint8_t *at) {
  for (; *formula != 0; formula++) {
    switch (*formula) {
      case 'x': at = put(at, "\xff\x74\x24\x04", 4); break;     /* push [esp + 4] */
      case '+': at = put(at, "\x59\x58\x01\xc8\x50", 5); break; /* pop both, add, push */
      case '-': at = put(at, "\x59\x58\x29\xc8\x50", 5); break;
      case '*': at = put(at, "\x59\x58\x0f\xaf\xc1\x50", 6); break;
      case '~': at = put(at, "\xf7\x1c\x24", 3); break;
      default: at = put(at, "\x6a", 1), *at++ = (uint8_t)(*formula - '0'); break;
    }
  }
  put(at, "\x58\xc3", 2);
}

static void place_argument(const char *formula, uint8_t *at) {
  int depth = 1;
  for (; *formula != 0; formula++) {
    switch (*formula) {
      case 'x': at[3] = (uint8_t)(4 * depth), at += 4, depth++; break;
      case '+':
      case '-': at += 5, depth--; break;
      case '*': at += 6, depth--; break;
      case '~': at += 3; break;
      default: at += 2, depth++; break;
    }
  }
}

static void formulas(void) {
  static const char *const list[] = {"x1+", "xx*2-", "x3*x2-*~", "xxx**9+", "12+34*+x-"};
  for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
    compile(list[i], code + 100);
    place_argument(list[i], code + 100);
    uint32_t sum = 0;
    for (int x = -50; x < 50; x++) sum = sum * 17 + (uint32_t)call(code + 100, x);
    printf("%s: %d %u\n", list[i], call(code + 100, 6), sum);
  }
}

int main(void) {
#if __has_include(<sys/mman.h>)
  if (mprotect(code, sizeof code, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) return 1;
#endif
  patched_between_calls(code);
  patched_between_calls(code + PAGE - 3);
  patched_while_running(code + 200);
  patched_while_running(code + PAGE - 9);
  straddling();
  formulas();
  return 0;
}
