/*
 * Runs single instructions on the host's processor, for the tests that compare Denali with silicon.
 *
 *   harness code          writes every stub: uint32 length, then its machine code
 *   harness run BYTES     reads cases from stdin until its end, writes one result for each; a case
 *                         carries BYTES of memory (a multiple of 16, at most 512)
 *
 * A stub (stubs.s, generated) is one instruction. It finds EAX, ECX, EDX, EFLAGS, the x87 registers, XMM1
 * and XMM2 as the case says, and EDI pointing to the memory. A fault is part of the result.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* The same layout goes in and out; `stub` comes back as fault vector + 1, or 0. */
struct state {
  uint32_t stub, mxcsr, fcw, fsw, valid, eax, ecx, edx, eflags, padding[3];
  uint8_t physical[8][16], xmm1[16], xmm2[16];
};

extern void (*const stub_begin[])(void);
extern void (*const stub_end[])(void);
extern const uint32_t stub_count;

uint8_t fx_in[512] __attribute__((aligned(64))), fx_out[512] __attribute__((aligned(64)));
uint8_t memory[512] __attribute__((aligned(64)));
struct state now;
void (*current)(void);
uint32_t saved_esp;
volatile uint32_t fault;

void invoke(void);
void resume(void);
__asm__(
    ".intel_syntax noprefix\n"
    "invoke:\n"
    "  push ebx; push esi; push edi; push ebp\n"
    "  mov saved_esp, esp\n"
    "  fxrstor fx_in\n"
    "  lea edi, memory\n"
    "  push dword ptr now+32; popfd\n"
    "  mov eax, now+20; mov ecx, now+24; mov edx, now+28\n"
    "  call dword ptr current\n"
    "resume:\n"
    "  mov esp, saved_esp\n"
    "  mov now+20, eax; mov now+24, ecx; mov now+28, edx\n"
    "  pushfd; pop dword ptr now+32\n"
    "  fxsave fx_out\n"
    "  cld; fninit\n"
    "  pop ebp; pop edi; pop esi; pop ebx\n"
    "  ret\n"
    ".att_syntax\n");

static void on_fault(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  (void)signal, (void)info;
  fault = registers[REG_TRAPNO] + 1;
  registers[REG_EIP] = (greg_t)(uintptr_t)resume;
}

static void put16(uint8_t *at, uint32_t value) { memcpy(at, &value, 2); }
static uint32_t get16(const uint8_t *at) { return at[0] | at[1] << 8; }

/* FXSAVE image: SDM vol. 1, table 10-2. Registers are in stack order there, physical in a case. */
static void run_case(void) {
  uint32_t top = now.fsw >> 11 & 7;
  put16(fx_in, now.fcw);
  put16(fx_in + 2, now.fsw);
  fx_in[4] = now.valid;
  memcpy(fx_in + 24, &now.mxcsr, 4);
  for (uint32_t i = 0; i < 8; i++) memcpy(fx_in + 32 + 16 * i, now.physical[(top + i) & 7], 10);
  memcpy(fx_in + 160 + 16, now.xmm1, 16);
  memcpy(fx_in + 160 + 32, now.xmm2, 16);
  current = stub_begin[now.stub];
  fault = 0;
  invoke();
  now.stub = fault;
  now.fcw = get16(fx_out);
  now.fsw = get16(fx_out + 2);
  now.valid = fx_out[4];
  memcpy(&now.mxcsr, fx_out + 24, 4);
  top = now.fsw >> 11 & 7;
  for (uint32_t i = 0; i < 8; i++) memcpy(now.physical[(top + i) & 7], fx_out + 32 + 16 * i, 10);
  memcpy(now.xmm1, fx_out + 160 + 16, 16);
  memcpy(now.xmm2, fx_out + 160 + 32, 16);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "code") == 0) {
    for (uint32_t i = 0; i < stub_count; i++) {
      uint32_t length = (uintptr_t)stub_end[i] - (uintptr_t)stub_begin[i];
      fwrite(&length, 4, 1, stdout);
      fwrite((const void *)(uintptr_t)stub_begin[i], length, 1, stdout);
    }
    return 0;
  }
  if (argc != 3 || strcmp(argv[1], "run") != 0) {
    fprintf(stderr, "usage: harness code | harness run BYTES\n");
    return 2;
  }
  size_t bytes = strtoul(argv[2], NULL, 10);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGFPE, &action, NULL);
  sigaction(SIGILL, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  __asm__ volatile("fxsave fx_in");
  memset(fx_in + 160, 0, 128);
  while (fread(&now, sizeof now, 1, stdin) == 1 && fread(memory, 1, bytes, stdin) == bytes) {
    run_case();
    fwrite(&now, sizeof now, 1, stdout);
    fwrite(memory, 1, bytes, stdout);
  }
  return 0;
}
