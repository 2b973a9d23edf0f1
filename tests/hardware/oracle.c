/*
 * Runs instruction sequences on the host's processor, as an i386 process: the judge of the differential test.
 * Layout and record formats are those of oracle.ts.
 *
 * Each case is started by returning from a signal handler with its registers in the signal frame, and ends with
 * a signal: INT3 behind its code, or a fault. The handler records what it finds and loads the next case.
 */

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x00200000u
#define DATA 0x00300000u
#define LOW 0x00002000u
#define PAGE 4096u
#define CODE_BYTES 32
/* Vector of a case that did not end by itself. */
#define ENDLESS 0xff
#define LIMIT_US 4000

struct window { uint32_t address, bytes, writable; };
/* Keep in step with WINDOWS in oracle.ts. */
static const struct window windows[] = {
  {DATA + PAGE - 128, 256, 1}, {DATA + 2 * PAGE - 128, 128, 1}, {DATA + 2 * PAGE, 128, 0}, {LOW, 256, 1},
};
#define WINDOW_BYTES (256 + 128 + 128 + 256)

struct input { uint32_t eip; uint8_t code[CODE_BYTES]; uint32_t registers[8]; uint32_t eflags; uint8_t memory[WINDOW_BYTES]; };
struct output { uint32_t vector, error, address, eip, eflags, registers[8]; uint8_t memory[WINDOW_BYTES]; };

static struct input input;
static struct output output;
static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
static int started;

static void map(uint32_t address, uint32_t bytes, int protection) {
  void *got = mmap((void *)address, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (got != (void *)address) {
    perror("oracle: mmap (a low address needs vm.mmap_min_addr <= 4096 or root)");
    exit(2);
  }
}

static void copy_windows(uint8_t *memory, int to_memory) {
  mprotect((void *)(DATA + 2 * PAGE), PAGE, PROT_READ | PROT_WRITE);
  for (unsigned i = 0; i < sizeof windows / sizeof *windows; i++) {
    void *at = (void *)windows[i].address;
    memcpy(to_memory ? at : memory, to_memory ? memory : at, windows[i].bytes);
    memory += windows[i].bytes;
  }
  mprotect((void *)(DATA + 2 * PAGE), PAGE, PROT_READ);
}

/* What a case did to ID would outlive the return from the handler. */
static void clear_id(void) { __asm__ volatile("pushf\n andl $~0x200000, (%%esp)\n popf" ::: "cc", "memory"); }

static void handle(int number, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  greg_t *registers = u->uc_mcontext.gregs;
  (void)info;
  if (started) {
    output.vector = number == SIGVTALRM ? ENDLESS : registers[REG_TRAPNO];
    output.error = registers[REG_ERR];
    output.address = u->uc_mcontext.cr2;
    output.eip = registers[REG_EIP];
    output.eflags = registers[REG_EFL];
    for (int i = 0; i < 8; i++) output.registers[i] = registers[order[i]];
    copy_windows(output.memory, 0);
    fwrite(&output, sizeof output, 1, stdout);
  }
  started = 1;
  if (fread(&input, sizeof input, 1, stdin) != 1) {
    fflush(stdout);
    _exit(0);
  }
  memset((void *)CODE, 0xcc, 2 * PAGE);
  memcpy((void *)input.eip, input.code, CODE_BYTES);
  copy_windows(input.memory, 1);
  clear_id();
  struct itimerval limit = {.it_value.tv_usec = LIMIT_US};
  setitimer(ITIMER_VIRTUAL, &limit, 0);
  registers[REG_EIP] = input.eip;
  registers[REG_EFL] = input.eflags;
  for (int i = 0; i < 8; i++) registers[order[i]] = input.registers[i];
}

int main(void) {
  static uint8_t stack[1 << 16];
  static char in[1 << 16], out[1 << 16];
  setvbuf(stdin, in, _IOFBF, sizeof in);
  setvbuf(stdout, out, _IOFBF, sizeof out);
  map(CODE, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
  map(DATA, 3 * PAGE, PROT_READ | PROT_WRITE);
  map(LOW, PAGE, PROT_READ | PROT_WRITE);
  stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternative, 0);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS, SIGVTALRM, SIGUSR1};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, 0);
  raise(SIGUSR1);
  return 1;
}
