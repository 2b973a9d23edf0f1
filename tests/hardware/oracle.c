/*
 * Runs instruction sequences on the host's processor, as an i386 process: the judge of the differential test.
 * Addresses and record formats are those of layout.ts, which passes them as -D options.
 *
 * A case starts by loading every register and jumping into its code. It ends with a jump to LEAVE, or with a
 * signal. Neither way goes through a return from a signal handler, so a case costs
 * about a microsecond, or two and a signal.
 *
 * A case may do anything to this process. So there is no libc here and hardly any memory to hit, each batch
 * runs in a child, and a child that dies costs the case that killed it: its vector is LOST.
 */

#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#define PAGE 4096u
#define EXPORTED __attribute__((used, externally_visible))
#define LOST 0xfe
#define TRAP 3
#define PAGE_FAULT 14
#define BREAKPOINT 0xcc
#define BATCH_US 3000000

/* In the order of PAGES in layout.ts; the last one is read-only. */
static uint8_t *const pages[PAGE_COUNT] = {PAGE_ADDRESSES};
#define IS_CODE(page) ((uint32_t)pages[page] - CODE < CODE_PAGES * PAGE)

struct input {
  uint32_t eip, code_bytes, image, scrub, eflags, registers[8], pokes;
  struct { uint32_t address, value; } poke[POKES];
  uint8_t code[CODE_BYTES];
} __attribute__((aligned(16)));

struct output {
  uint32_t vector, error, address, eip, eflags, registers[8], changed[PAGE_COUNT];
  uint8_t fx[FX_BYTES] __attribute__((aligned(16)));
} __attribute__((aligned(16)));

struct header { uint32_t count, dumps; };

struct batch {
  uint8_t pages[PAGE_COUNT][PAGE];
  uint8_t images[IMAGES][512];
  struct input inputs[BATCH];
};

struct results {
  volatile uint32_t progress;
  struct output outputs[BATCH];
  uint8_t dumps[DUMPS][PAGE_COUNT][PAGE];
};

static struct header header;
static struct batch *const batch = (void *)HOST_AREA;
static struct results *const results = (void *)(HOST_AREA + 0x1000000);

EXPORTED struct input now;
EXPORTED uint8_t fx_in[512] __attribute__((aligned(64))), fx_out[512] __attribute__((aligned(64)));
EXPORTED uint32_t saved_esp, found[9], scratch[16];
void enter(void);
void leave_by_signal(void) __attribute__((noreturn));
static uint32_t end_vector, end_error, end_address, end_eip;

/* found[]: EAX ECX EDX EBX ESP EBP ESI EDI EFLAGS. `now` + 16 is EFLAGS, registers follow. */
__asm__(
    ".intel_syntax noprefix\n"
    "enter:\n"
    "  push ebx; push esi; push edi; push ebp\n"
    "  mov saved_esp, esp\n"
    "  fxrstor fx_in\n"
    "  lea esp, now+16\n"
    "  popfd\n"
    "  mov eax, now+20; mov ecx, now+24; mov edx, now+28; mov ebx, now+32\n"
    "  mov esp, now+36; mov ebp, now+40; mov esi, now+44; mov edi, now+48\n"
    "  jmp dword ptr now\n"
    ".section .leave, \"ax\"\n"
    "  mov found, eax; mov found+4, ecx; mov found+8, edx; mov found+12, ebx\n"
    "  mov found+16, esp; mov found+20, ebp; mov found+24, esi; mov found+28, edi\n"
    "  lea esp, scratch+64\n"
    "  pushfd; pop dword ptr found+32\n"
    "  cld\n"
    "  fxsave fx_out\n"
    "  jmp leave_by_signal\n"
    ".text\n"
    "leave_by_signal:\n"
    "  mov esp, saved_esp\n"
    "  pop ebp; pop edi; pop esi; pop ebx\n"
    "  ret\n"
    ".globl _start\n"
    "_start:\n"
    "  and esp, -16\n"
    "  call run_batches\n"
    ".att_syntax\n");

static int32_t call(int32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) {
  int32_t result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory");
  return result;
}

enum { NR_EXIT = 1, NR_FORK = 2, NR_READ = 3, NR_WRITE = 4, NR_WAITPID = 7, NR_MPROTECT = 125, NR_SETITIMER = 104,
       NR_RT_SIGACTION = 174, NR_SIGALTSTACK = 186, NR_MMAP2 = 192, NR_SET_THREAD_AREA = 243 };

static void quit(int status) {
  call(NR_EXIT, status, 0, 0, 0, 0);
  __builtin_unreachable();
}

static void check(int good, int status) {
  if (!good) quit(status);
}

static void copy(void *to, const void *from, uint32_t bytes) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
}

static void fill(void *to, uint32_t value, uint32_t bytes) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
}

static int read_all(void *to, uint32_t bytes) {
  for (uint32_t done = 0; done < bytes;) {
    int32_t got = call(NR_READ, 0, (uint32_t)to + done, bytes - done, 0, 0);
    if (got <= 0) return 0;
    done += got;
  }
  return 1;
}

static void write_all(const void *from, uint32_t bytes) {
  for (uint32_t done = 0; done < bytes;) {
    int32_t put = call(NR_WRITE, 1, (uint32_t)from + done, bytes - done, 0, 0);
    check(put > 0, 3);
    done += put;
  }
}

static void map(uint32_t address, uint32_t bytes, int protection, int sharing) {
  uint32_t flags = MAP_ANONYMOUS | MAP_FIXED | sharing;
  uint32_t got;
  __asm__ volatile("push %%ebp\n xor %%ebp, %%ebp\n int $0x80\n pop %%ebp"
                   : "=a"(got)
                   : "a"(NR_MMAP2), "b"(address), "c"(bytes), "d"(protection), "S"(flags), "D"(-1)
                   : "memory");
  /* A low address needs root, or vm.mmap_min_addr <= 4096. */
  check(got == address, 4);
}

static void on_signal(int number, siginfo_t *info, void *context) {
  static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
  ucontext_t *u = context;
  greg_t *registers = u->uc_mcontext.gregs;
  (void)number, (void)info;
  end_vector = registers[REG_TRAPNO];
  end_error = registers[REG_ERR];
  end_address = u->uc_mcontext.cr2;
  end_eip = registers[REG_EIP];
  for (int i = 0; i < 8; i++) found[i] = registers[order[i]];
  found[8] = registers[REG_EFL];
  /* Behind the FNSAVE image lies the FXSAVE image. */
  copy(fx_out, (uint8_t *)u->uc_mcontext.fpregs + 112, FX_BYTES);
  leave_by_signal();
}

static int differs(const uint32_t *a, const uint32_t *b) {
  uint32_t difference = 0;
  for (uint32_t i = 0; i < PAGE / 4; i++) difference |= a[i] ^ b[i];
  return difference != 0;
}

/* As `hashPage` in layout.ts. */
static uint32_t hash(const uint32_t *words) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < PAGE / 4; i++) value = value * 31 + words[i];
  return value | 1;
}

static void put_code(uint8_t *at) {
  fill(at, BREAKPOINT, now.code_bytes);
  copy(at, now.code, now.code_bytes);
}

static void run_case(uint32_t number) {
  struct output *output = &results->outputs[number];
  now = batch->inputs[number];
  for (uint32_t i = 0; i < now.pokes; i++) copy((void *)now.poke[i].address, &now.poke[i].value, 4);
  put_code((uint8_t *)now.eip);
  put_code(batch->pages[FIRST_CODE_PAGE] + (now.eip - CODE));
  copy(fx_in, batch->images[now.image], 512);
  __asm__ volatile("mov %0, %%fs; mov %1, %%gs" ::"r"(FS_SELECTOR), "r"(GS_SELECTOR));
  end_vector = TRAP;
  end_error = end_address = 0;
  end_eip = LEAVE;
  enter();
  if (now.scrub) *(uint32_t *)now.scrub = 0;
  output->vector = end_vector;
  output->error = end_error;
  output->address = end_vector == PAGE_FAULT ? end_address : 0;
  output->eip = end_eip;
  output->eflags = found[8];
  copy(output->registers, found, 32);
  copy(output->fx, fx_out, FX_BYTES);
  if (number < header.dumps) {
    for (uint32_t i = 0; i < PAGE_COUNT; i++) copy(results->dumps[number][i], pages[i], PAGE);
  }
  for (uint32_t i = 0; i < PAGE_COUNT - 1; i++) {
    uint8_t *initial = batch->pages[i];
    int changed = differs((void *)pages[i], (void *)initial);
    output->changed[i] = changed ? hash((void *)pages[i]) : 0;
    if (changed) copy(pages[i], initial, PAGE);
  }
  fill((uint8_t *)now.eip, BREAKPOINT, now.code_bytes);
  fill(batch->pages[FIRST_CODE_PAGE] + (now.eip - CODE), BREAKPOINT, now.code_bytes);
}

/* In the child: the cases from `first` on. */
static void run_cases(uint32_t first) {
  uint32_t read_only = (uint32_t)pages[PAGE_COUNT - 1];
  call(NR_MPROTECT, read_only, PAGE, PROT_READ | PROT_WRITE, 0, 0);
  for (uint32_t i = 0; i < PAGE_COUNT; i++) copy(pages[i], batch->pages[i], PAGE);
  call(NR_MPROTECT, read_only, PAGE, PROT_READ, 0, 0);
  /* A case that does not end is killed by this timer, which has no handler. */
  struct { int32_t interval_s, interval_us, s, us; } limit = {0, 0, BATCH_US / 1000000, BATCH_US % 1000000};
  call(NR_SETITIMER, ITIMER_VIRTUAL, (uint32_t)&limit, 0, 0, 0);
  for (uint32_t i = first; i < header.count; i++) {
    results->progress = i;
    run_case(i);
  }
  results->progress = header.count;
  quit(0);
}

static void run_batch(void) {
  for (uint32_t first = 0; first < header.count;) {
    results->progress = first;
    int32_t child = call(NR_FORK, 0, 0, 0, 0, 0);
    check(child >= 0, 5);
    if (child == 0) run_cases(first);
    int32_t status = 0;
    while (call(NR_WAITPID, child, (uint32_t)&status, 0, 0, 0) == -4) {}
    first = results->progress;
    check(first <= header.count, 6);
    if (first == header.count) return;
    results->outputs[first].vector = LOST;
    results->outputs[first].error = status;
    first++;
  }
}

static void set_segment(uint32_t entry, uint32_t base) {
  /* 32-bit data, limit in pages, usable. */
  uint32_t descriptor[4] = {entry, base, 0xfffff, 0x51};
  check(call(NR_SET_THREAD_AREA, (uint32_t)descriptor, 0, 0, 0, 0) == 0, 7);
}

EXPORTED void run_batches(void) {
  static uint8_t stack[1 << 16] __attribute__((aligned(64)));
  for (uint32_t i = 0; i < PAGE_COUNT; i++) {
    map((uint32_t)pages[i], PAGE, PROT_READ | PROT_WRITE | (IS_CODE(i) ? PROT_EXEC : 0), MAP_PRIVATE);
  }
  map((uint32_t)batch, (sizeof *batch + PAGE - 1) & -PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  map((uint32_t)results, (sizeof *results + PAGE - 1) & -PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
  set_segment(FS_SELECTOR >> 3, FS_BASE);
  set_segment(GS_SELECTOR >> 3, GS_BASE);
  stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  call(NR_SIGALTSTACK, (uint32_t)&alternative, 0, 0, 0, 0);
  /* handler, flags, restorer, mask: the kernel's own layout. */
  struct { uint32_t handler, flags, restorer, mask[2]; } action = {
      (uint32_t)on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER, 0, {0, 0}};
  const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
  for (uint32_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    call(NR_RT_SIGACTION, signals[i], (uint32_t)&action, 0, 8, 0);
  }
  while (read_all(&header, sizeof header)) {
    check(header.count <= BATCH && header.dumps <= DUMPS, 8);
    check(read_all(batch->pages, sizeof batch->pages), 9);
    check(read_all(batch->images, sizeof batch->images), 9);
    check(read_all(batch->inputs, header.count * sizeof *batch->inputs), 9);
    run_batch();
    write_all(results->outputs, header.count * sizeof *results->outputs);
    write_all(results->dumps, header.dumps * sizeof *results->dumps);
  }
  quit(0);
}
