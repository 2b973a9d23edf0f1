/*
 * The two clocks. The kernel writes them into the virtual registers whenever it schedules the VM;
 * in between they are interpolated by the timestamp counter. Runs inside upcalls too: no FPU, no
 * SSE.
 */

#include "core.h"

static uint32_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low;
}

static uint32_t tsc_at_refresh(void) { return (uint32_t)VIRTUAL_REGISTERS->tsc_at_refresh; }

/* Turns are short: low words tell how long ago the refresh was. If the host stood still for seconds in the
 * middle of one, the clock is late until the next. */
static inline __attribute__((always_inline)) uint64_t read_clock(const volatile unsigned long long *clock) {
  uint32_t refresh, ticks;
  uint64_t base;
  do { /* again if the registers were refreshed meanwhile */
    refresh = tsc_at_refresh();
    base = *clock;
    ticks = read_tsc() - refresh;
  } while (tsc_at_refresh() != refresh);
  if ((int32_t)ticks < 0) ticks = 0;
  return base + ticks / (VIRTUAL_REGISTERS->cpu_khz / 1000);
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
