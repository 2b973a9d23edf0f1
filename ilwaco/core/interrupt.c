/*
 * Interrupts: the kernel sets bits of interrupt_pending and, when it next schedules the VM with
 * interrupts enabled, calls ilwaco_upcall. Bits may come at any moment, even while interrupts are
 * disabled, so they are taken by one exchange.
 *
 * This file runs inside upcalls and is compiled without FPU and SSE registers (guests/library.ts).
 */

#include "core.h"

#include <stdlib.h>

#define INTERRUPT_BITS 6

static void (*handlers[INTERRUPT_BITS])(void);

/* Runs in upcall context, where no lock can be waited for; what is buffered is given up. */
static void shut_down(void) { ilwaco_terminate(EXIT_SUCCESS); }

static void (*default_handler(unsigned bit))(void) {
  if (1u << bit == DENALI_INTERRUPT_TIMER) return ilwaco_timer_handler;
  if (1u << bit == DENALI_INTERRUPT_SHUTDOWN) return shut_down;
  return NULL;
}

void ilwaco_interrupts_start(void) {
  for (unsigned bit = 0; bit < INTERRUPT_BITS; bit++) handlers[bit] = default_handler(bit);
  VIRTUAL_REGISTERS->interrupt_handler = (uint32_t)(uintptr_t)ilwaco_upcall;
  ilwaco_interrupts_restore(1);
}

void ilwaco_on_interrupt(unsigned bit_mask, void (*handler)(void)) {
  unsigned before = ilwaco_interrupts_disable();
  for (unsigned bit = 0; bit < INTERRUPT_BITS; bit++) {
    if (bit_mask & (1u << bit)) handlers[bit] = handler ? handler : default_handler(bit);
  }
  ilwaco_interrupts_restore(before);
}

int ilwaco_interrupts_dispatch(void) {
  uint32_t pending = 0;
  __asm__ volatile("xchgl %0, %1"
                   : "+r"(pending), "+m"(VIRTUAL_REGISTERS->interrupt_pending)
                   :
                   : "memory");
  for (pending &= (1u << INTERRUPT_BITS) - 1; pending; pending &= pending - 1) {
    void (*handler)(void) = handlers[__builtin_ctz(pending)];
    if (handler) handler();
  }
  return ilwaco_others_runnable();
}

void ilwaco_interrupts_enable_pending(void) {
  do {
    VIRTUAL_REGISTERS->interrupt_enable = 0;
    if (ilwaco_interrupts_dispatch()) ilwaco_yield_disabled();
    VIRTUAL_REGISTERS->interrupt_enable = 1;
  } while (VIRTUAL_REGISTERS->interrupt_pending);
}
