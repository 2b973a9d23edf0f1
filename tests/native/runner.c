/*
 * Runs a Denali guest image on the real processor: the oracle that says what the evaluator and the
 * translator should have done, because the same instructions run on real silicon.
 *
 *     runner [-m MIB] [-s KEY=VALUE]... IMAGE [ARGUMENT]...
 *
 * An i386 Linux process whose address space is the VM's: memory from 0x1000 up, the register page
 * first. What a user-level processor rejects (in, out, ins, outs: #GP; 0F 0A: #UD) arrives as a
 * signal and is emulated here by the rules of kernel/abi.ts. The upcall's IRET would run natively
 * but cannot set interrupt_enable, so the image's `ilwaco_upcall_return` is overwritten by HLT,
 * which faults, at load.
 *
 * Interrupts: a host timer signal stands for "the VM is scheduled"; it sets the pending bits and,
 * if the guest has interrupts enabled, builds the upcall frame on the guest's stack in the signal's
 * context.
 *
 * Exit status as of `denali run`: the guest's code, 134 for a crash, 126 for an image that
 * cannot be loaded, 127 for a bad command line. Needs vm.mmap_min_addr <= 4096, which is the
 * default.
 */

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../ilwaco/include/denali.h"

#define REGISTERS DENALI_REGISTERS
#define TICK_US 1000 /* how often the VM counts as scheduled */
#define EFLAGS_IF 0x200u
#define X86_UD 6
#define X86_GP 13
#define X86_PF 14
#define STATUS_CRASHED 134
#define STATUS_BAD_IMAGE 126
#define STATUS_BAD_USAGE 127

typedef greg_t *registers;

static uint64_t start_ns, deadline_ns, period_ns;
static int input_closed;

static void fail(int status, const char *what, const char *detail) {
  fprintf(stderr, "runner: %s: %s\n", what, detail);
  exit(status);
}

/* ---- time */

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static void refresh_clocks(void) {
  REGISTERS->monotonic_us = (clock_ns(CLOCK_MONOTONIC) - start_ns) / 1000;
  REGISTERS->wallclock_us = clock_ns(CLOCK_REALTIME) / 1000;
  REGISTERS->tsc_at_refresh = read_tsc();
}

static uint32_t measure_khz(void) {
  uint64_t ns = clock_ns(CLOCK_MONOTONIC), ticks = read_tsc();
  while (clock_ns(CLOCK_MONOTONIC) - ns < 10000000) continue;
  return (uint32_t)((read_tsc() - ticks) * 1000000 / (clock_ns(CLOCK_MONOTONIC) - ns));
}

/* ---- devices */

static int input_waits(void) {
  struct pollfd in = {0, POLLIN, 0};
  return !input_closed && poll(&in, 1, 0) > 0;
}

/* What the guest has written into deadline_us, as the host's time. */
static uint64_t register_deadline_ns(void) {
  uint64_t us = REGISTERS->deadline_us;
  return us == UINT64_MAX ? UINT64_MAX : start_ns + us * 1000;
}

/* Sets what has become pending. A closed input stays readable, so it is reported once. */
static void poll_devices(void) {
  static int input_reported;
  if (deadline_ns && clock_ns(CLOCK_MONOTONIC) >= deadline_ns) {
    deadline_ns = period_ns ? deadline_ns + period_ns : 0;
    REGISTERS->interrupt_pending |= DENALI_INTERRUPT_TIMER;
  }
  if (clock_ns(CLOCK_MONOTONIC) >= register_deadline_ns()) {
    REGISTERS->deadline_us = UINT64_MAX;
    REGISTERS->interrupt_pending |= DENALI_INTERRUPT_TIMER;
  }
  int waits = input_waits();
  if (waits && !input_reported) REGISTERS->interrupt_pending |= DENALI_INTERRUPT_KEYBOARD;
  input_reported = waits;
}

static uint32_t port_in(uint32_t port, int *known) {
  *known = port == DENALI_PORT_KEYBOARD_STATUS || port == DENALI_PORT_NIC_STATUS;
  if (port != DENALI_PORT_KEYBOARD_STATUS) return 0;
  return input_closed ? DENALI_KEYBOARD_CLOSED : (uint32_t)input_waits();
}

static int port_out(uint32_t port, uint32_t value) {
  switch (port) {
    case DENALI_PORT_CLOCK: refresh_clocks(); return 1;
    case DENALI_PORT_TIMER_ONESHOT:
    case DENALI_PORT_TIMER_PERIODIC:
      deadline_ns = value ? clock_ns(CLOCK_MONOTONIC) + (uint64_t)value * 1000 : 0;
      period_ns = port == DENALI_PORT_TIMER_PERIODIC ? (uint64_t)value * 1000 : 0;
      return 1;
    default: return 0;
  }
}

static int port_outs(uint32_t port, registers r) {
  if (port == DENALI_PORT_NIC_SEND) return 1; /* no link: the queue is always full */
  if (port != DENALI_PORT_CONSOLE_WRITE) return 0;
  while (r[REG_ECX]) {
    ssize_t written = write(1, (void *)r[REG_ESI], (size_t)r[REG_ECX]);
    if (written < 0 && errno == EFAULT) return 0;
    if (written < 0 && errno != EINTR && errno != EAGAIN) _exit(STATUS_CRASHED);
    if (written <= 0) continue;
    r[REG_ESI] += written;
    r[REG_ECX] -= written;
  }
  return 1;
}

static int port_ins(uint32_t port, registers r) {
  if (port == DENALI_PORT_NIC_RECEIVE) return 1;
  if (port != DENALI_PORT_KEYBOARD_READ) return 0;
  if (!input_waits()) return 1;
  ssize_t received = read(0, (void *)r[REG_EDI], (size_t)r[REG_ECX]);
  if (received <= 0) {
    input_closed = 1;
  } else {
    r[REG_EDI] += received;
    r[REG_ECX] -= received;
  }
  return 1;
}

/* ---- upcalls */

static void push(registers r, uint32_t value) {
  r[REG_ESP] -= 4;
  *(uint32_t *)r[REG_ESP] = value;
}

static void upcall(registers r, uint32_t handler) {
  uint32_t flags = (uint32_t)r[REG_EFL] & ~EFLAGS_IF;
  push(r, flags | (REGISTERS->interrupt_enable ? EFLAGS_IF : 0));
  push(r, DENALI_CODE_SELECTOR);
  push(r, (uint32_t)r[REG_EIP]);
  REGISTERS->interrupt_enable = 0;
  r[REG_EIP] = (greg_t)handler;
}

static void deliver_interrupts(registers r) {
  if (REGISTERS->interrupt_enable && REGISTERS->interrupt_pending && REGISTERS->interrupt_handler) {
    upcall(r, REGISTERS->interrupt_handler);
  }
}

static void return_from_upcall(registers r) {
  const uint32_t *frame = (const uint32_t *)r[REG_ESP];
  r[REG_EIP] = (greg_t)frame[0];
  r[REG_EFL] = (greg_t)(frame[2] | EFLAGS_IF);
  r[REG_ESP] += 12;
  REGISTERS->interrupt_enable = frame[2] & EFLAGS_IF ? 1 : 0;
  deliver_interrupts(r);
}

static void exception(registers r, uint32_t vector, uint32_t error, uint32_t address) {
  REGISTERS->exception_vector = vector;
  REGISTERS->exception_error = error;
  REGISTERS->exception_address = address;
  if (REGISTERS->exception_handler) {
    upcall(r, REGISTERS->exception_handler);
    return;
  }
  fprintf(stderr, "runner: exception %u, error %u, address %08x at eip %08x esp %08x\n", vector,
          error, address, (unsigned)r[REG_EIP], (unsigned)r[REG_ESP]);
  _exit(STATUS_CRASHED);
}

/* ---- instructions the processor rejects */

static void idle(registers r) {
  uint32_t timeout = (uint32_t)r[REG_EAX];
  uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)timeout * 1000;
  poll_devices();
  while (!REGISTERS->interrupt_pending) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC),
             wake = timeout == DENALI_IDLE_FOREVER ? UINT64_MAX : end;
    if (now >= wake) break;
    if (deadline_ns && deadline_ns < wake) wake = deadline_ns;
    if (register_deadline_ns() < wake) wake = register_deadline_ns();
    struct pollfd in = {input_closed ? -1 : 0, POLLIN, 0};
    uint64_t wait = wake > now ? wake - now : 0;
    struct timespec duration = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
    if (input_closed && wake == UINT64_MAX)
      fail(STATUS_CRASHED, "idle", "nothing can ever wake it");
    ppoll(&in, 1, wake == UINT64_MAX ? NULL : &duration, NULL);
    poll_devices();
  }
  refresh_clocks();
  deliver_interrupts(r);
}

/* Returns 0 if these bytes are nothing Denali defines. */
static int emulate(registers r) {
  const uint8_t *code = (const uint8_t *)r[REG_EIP];
  uint32_t port = (uint32_t)r[REG_EDX] & 0xffff;
  int known = 0;
  switch (code[0]) {
    case 0xed: { /* in eax, dx */
      uint32_t value = port_in(port, &known);
      if (known) r[REG_EAX] = (greg_t)value, r[REG_EIP] += 1;
      return known;
    }
    case 0xef: /* out dx, eax */
      known = port_out(port, (uint32_t)r[REG_EAX]);
      if (known) r[REG_EIP] += 1;
      return known;
    case 0xe7: /* out imm8, eax */
      known = port_out(code[1], (uint32_t)r[REG_EAX]);
      if (known) r[REG_EIP] += 2;
      return known;
    case 0xf3: /* rep outsb, rep insb */
      if (code[1] == 0x6e) known = port_outs(port, r);
      if (code[1] == 0x6c) known = port_ins(port, r);
      if (known) r[REG_EIP] += 2;
      return known;
    case 0xf4: /* hlt, where iret was */ return_from_upcall(r); return 1;
    case 0x0f:
      if (code[1] != 0x0a) return 0;
      if (code[2] == DENALI_OPCODE_TERMINATE) _exit(r[REG_EAX] & 0xff);
      if (code[2] != DENALI_OPCODE_IDLE) return 0;
      r[REG_EIP] += 3;
      idle(r);
      return 1;
    default: return 0;
  }
}

static void on_fault(int number, siginfo_t *info, void *context) {
  registers r = ((ucontext_t *)context)->uc_mcontext.gregs;
  uint32_t trap = (uint32_t)r[REG_TRAPNO];
  if ((trap == X86_GP || trap == X86_UD) && emulate(r)) return;
  (void)number;
  uint32_t address = trap == X86_PF ? (uint32_t)(uintptr_t)info->si_addr : 0;
  exception(r, trap, (uint32_t)r[REG_ERR], address);
}

static void on_tick(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  poll_devices();
  refresh_clocks();
  deliver_interrupts(((ucontext_t *)context)->uc_mcontext.gregs);
}

static void install_handlers(void) {
  static char stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigaddset(&action.sa_mask, SIGALRM);
  action.sa_sigaction = on_fault;
  const int faults[] = {SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP};
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigaction(faults[i], &action, NULL);
  action.sa_sigaction = on_tick;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval tick = {{0, TICK_US}, {0, TICK_US}};
  setitimer(ITIMER_REAL, &tick, NULL);
}

/* ---- loading */

static uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(STATUS_BAD_IMAGE, path, strerror(errno));
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*size);
  if (fread(bytes, 1, *size, file) != *size) fail(STATUS_BAD_IMAGE, path, "cannot be read");
  fclose(file);
  return bytes;
}

static uint32_t symbol_address(const uint8_t *image, const char *name) {
  const Elf32_Ehdr *header = (const Elf32_Ehdr *)image;
  const Elf32_Shdr *sections = (const Elf32_Shdr *)(image + header->e_shoff);
  for (unsigned i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const Elf32_Sym *symbols = (const Elf32_Sym *)(image + sections[i].sh_offset);
    const char *names = (const char *)image + sections[sections[i].sh_link].sh_offset;
    for (unsigned s = 0; s < sections[i].sh_size / sizeof *symbols; s++) {
      if (strcmp(names + symbols[s].st_name, name) == 0) return symbols[s].st_value;
    }
  }
  return 0;
}

static uint32_t load(const char *path, uint32_t memory_size) {
  size_t size;
  uint8_t *image = read_file(path, &size);
  const Elf32_Ehdr *header = (const Elf32_Ehdr *)image;
  if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS32 || header->e_machine != EM_386) {
    fail(STATUS_BAD_IMAGE, path, "expected a 32-bit i386 ELF executable");
  }
  size_t length = memory_size - DENALI_REGISTERS_BASE;
  void *memory = mmap((void *)DENALI_REGISTERS_BASE, length, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
  if (memory != (void *)DENALI_REGISTERS_BASE)
    fail(STATUS_BAD_IMAGE, "mmap at 0x1000", strerror(errno));
  const Elf32_Phdr *program = (const Elf32_Phdr *)(image + header->e_phoff);
  for (unsigned i = 0; i < header->e_phnum; i++) {
    if (program[i].p_type != PT_LOAD) continue;
    if (program[i].p_vaddr < DENALI_IMAGE_MINIMUM ||
        program[i].p_vaddr + program[i].p_memsz > memory_size) {
      fail(STATUS_BAD_IMAGE, path, "a segment lies outside the VM's memory");
    }
    memcpy((void *)program[i].p_vaddr, image + program[i].p_offset, program[i].p_filesz);
  }
  uint32_t iret = symbol_address(image, "ilwaco_upcall_return");
  if (iret) *(uint8_t *)iret = 0xf4;
  return header->e_entry;
}

static char *append_text(char *to, const char *text) {
  size_t length = strlen(text) + 1;
  if (to + length > (char *)REGISTERS->boot_text + DENALI_BOOT_TEXT_BYTES) {
    fail(STATUS_BAD_USAGE, "arguments", "do not fit into the register page");
  }
  memcpy(to, text, length);
  return to + length;
}

static void fill_registers(uint32_t memory_size, char **arguments, char **settings) {
  REGISTERS->abi_version = DENALI_ABI_VERSION;
  REGISTERS->features = DENALI_FEATURE_CONSOLE | DENALI_FEATURE_TIMER;
  REGISTERS->vm_id = 1;
  REGISTERS->cpu_khz = measure_khz();
  REGISTERS->deadline_us = UINT64_MAX;
  REGISTERS->memory_size = memory_size;
  strcpy((char *)REGISTERS->vm_name, "guest");
  char *text = (char *)REGISTERS->boot_text;
  for (; *arguments; arguments++, REGISTERS->argument_count++) text = append_text(text, *arguments);
  for (; *settings; settings++, REGISTERS->setting_count++) text = append_text(text, *settings);
  start_ns = clock_ns(CLOCK_MONOTONIC);
  refresh_clocks();
}

static __attribute__((noreturn)) void enter(uint32_t entry, uint32_t stack) {
  __asm__ volatile(
      "movl %1, %%esp\n\t"
      "pushl %0\n\t"
      "pushl $2\n\t"
      "popfl\n\t"
      "fninit\n\t"
      "xorl %%eax, %%eax\n\t"
      "xorl %%ebx, %%ebx\n\t"
      "xorl %%ecx, %%ecx\n\t"
      "xorl %%edx, %%edx\n\t"
      "xorl %%esi, %%esi\n\t"
      "xorl %%edi, %%edi\n\t"
      "xorl %%ebp, %%ebp\n\t"
      "ret"
      :
      : "r"(entry), "r"(stack)
      : "memory");
  __builtin_unreachable();
}

int main(int argc, char **argv) {
  static char *settings[64];
  uint32_t memory_size = 16u << 20;
  int option, setting_count = 0;
  while ((option = getopt(argc, argv, "+m:s:")) != -1) {
    if (option == 'm') {
      memory_size = (uint32_t)atoi(optarg) << 20;
    } else if (option == 's' && setting_count < 63) {
      settings[setting_count++] = optarg;
    } else {
      optind = argc;
    }
  }
  if (optind >= argc || memory_size < DENALI_MEMORY_MINIMUM || memory_size > 96u << 20) {
    fail(STATUS_BAD_USAGE, "usage",
         "runner [-m MIB (1..96)] [-s KEY=VALUE]... IMAGE [ARGUMENT]...");
  }
  uint32_t entry = load(argv[optind], memory_size);
  fill_registers(memory_size, argv + optind + 1, settings);
  install_handlers();
  enter(entry, memory_size);
}
