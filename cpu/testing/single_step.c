/*
 * What the host's processor makes of byte strings: one line of hex in, one line "LENGTH VECTOR" out.
 *
 * The first n bytes of a string are put against the end of a page behind which nothing is mapped, and run
 * with the trap flag set and all registers 0. While the processor still wants bytes, it faults fetching the
 * next page; the first n where it does not is the length. VECTOR is then the exception that came: 1 (#DB)
 * when the instruction ran, 6 (#UD) when there is no such instruction, or a fault of its operands.
 * LENGTH is 0 if the string is too short. (The method is that of "Breaking the x86 ISA", Domas, 2017.)
 *
 * Not for instructions which change segment registers, delay the trap or call the host's kernel.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, MAXIMUM = 15, PAGE_FAULT = 14, FETCH = 16, TRAP_FLAG = 0x100 };

static char *const end = (char *)0x60001000;
static sigjmp_buf back;
static volatile int armed, vector;
static volatile int fetching; /* the fault was the fetch of the byte at `end` */
static char *volatile target;

static void on_signal(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  (void)number;
  if (armed) {
    static const int general[] = {REG_EAX, REG_EBX, REG_ECX, REG_EDX, REG_ESI, REG_EDI, REG_EBP, REG_ESP};
    armed = 0;
    for (size_t i = 0; i < sizeof general / sizeof *general; i++) registers[general[i]] = 0;
    registers[REG_UESP] = 0;
    registers[REG_EIP] = (greg_t)target;
    registers[REG_EFL] |= TRAP_FLAG;
    return;
  }
  vector = registers[REG_TRAPNO];
  fetching = vector == PAGE_FAULT && (registers[REG_ERR] & FETCH) && info->si_addr == end &&
             registers[REG_EIP] == (greg_t)target;
  siglongjmp(back, 1);
}

static void step(const unsigned char *bytes, int length) {
  target = end - length;
  memcpy(end - length, bytes, length);
  if (sigsetjmp(back, 0)) return;
  armed = 1;
  __asm__ volatile("int3" ::: "memory"); /* enters on_signal, which goes on at the target */
}

static int parse(const char *line, unsigned char *bytes) {
  unsigned value;
  int length = 0;
  while (length < MAXIMUM && sscanf(line + 2 * length, "%2x", &value) == 1) bytes[length++] = value;
  return length;
}

int main(void) {
  const int signals[] = {SIGILL, SIGSEGV, SIGTRAP, SIGFPE, SIGBUS};
  stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  char line[80];
  void *page = mmap(end - PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (page != end - PAGE || sigaltstack(&stack, 0) != 0) return 1;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  while (fgets(line, sizeof line, stdin)) {
    unsigned char bytes[MAXIMUM];
    int size = parse(line, bytes);
    volatile int length = 0;
    do {
      step(bytes, ++length);
    } while (fetching && length < size);
    printf("%d %d\n", fetching ? 0 : length, vector);
  }
  return 0;
}
