/*
 * The two clocks. The kernel writes them into the virtual registers whenever it schedules the VM;
 * in between they are interpolated by the timestamp counter. Runs inside upcalls too: no FPU, no
 * SSE.
 */

#include "core.h"

static uint64_t read_tsc(void) {
  uint64_t ticks;
  __asm__ volatile("rdtsc" : "=A"(ticks));
  return ticks;
}

/* The registers may be refreshed between any two reads: then it is done again. */
static uint64_t read_clock(const volatile unsigned long long *clock) {
  uint64_t refresh, base, ticks;
  do {
    refresh = VIRTUAL_REGISTERS->tsc_at_refresh;
    base = *clock;
    ticks = read_tsc();
  } while ((uint32_t)VIRTUAL_REGISTERS->tsc_at_refresh != (uint32_t)refresh);
  ticks = ticks > refresh ? ticks - refresh : 0;
  uint32_t khz = VIRTUAL_REGISTERS->cpu_khz;
  return base + (ticks <= UINT32_MAX / 1000 ? (uint32_t)ticks * 1000u / khz : ticks * 1000 / khz);
}

uint64_t ilwaco_now_us(void) {
  static uint64_t last;
  unsigned before = ilwaco_interrupts_disable();
  uint64_t now = read_clock(&VIRTUAL_REGISTERS->monotonic_us);
  if (now < last) now = last; /* interpolation may have run ahead by a rounding */
  last = now;
  ilwaco_interrupts_restore(before);
  return now;
}

uint64_t ilwaco_wall_us(void) { return read_clock(&VIRTUAL_REGISTERS->wallclock_us); }

uint64_t ilwaco_refreshed_us(void) {
  uint64_t us;
  do {
    us = VIRTUAL_REGISTERS->monotonic_us;
  } while ((uint32_t)VIRTUAL_REGISTERS->monotonic_us != (uint32_t)us);
  return us;
}
