/*
 * The two clocks. The kernel writes them into the virtual registers whenever it schedules the VM;
 * in between they are interpolated by the timestamp counter. Runs inside upcalls too: no FPU, no
 * SSE.
 */

#include "core.h"

static uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

/* Microseconds since the registers were refreshed, which were then *base. */
static uint64_t since_refresh(volatile unsigned long long *clock, uint64_t *base) {
  uint64_t refresh, ticks;
  do {
    refresh = VIRTUAL_REGISTERS->tsc_at_refresh;
    *base = *clock;
    ticks = read_tsc();
  } while (VIRTUAL_REGISTERS->tsc_at_refresh != refresh); /* refreshed between the reads */
  ticks = ticks > refresh ? ticks - refresh : 0;
  uint32_t khz = VIRTUAL_REGISTERS->cpu_khz;
  if (ticks <= UINT32_MAX / 1000) return (uint32_t)ticks * 1000u / khz;
  return ticks * 1000 / khz;
}

uint64_t ilwaco_now_us(void) {
  static uint64_t last;
  uint64_t base;
  unsigned before = ilwaco_interrupts_disable();
  uint64_t now = since_refresh(&VIRTUAL_REGISTERS->monotonic_us, &base);
  now += base;
  if (now < last) now = last; /* interpolation may have run ahead by a rounding */
  last = now;
  ilwaco_interrupts_restore(before);
  return now;
}

uint64_t ilwaco_wall_us(void) {
  uint64_t base;
  uint64_t since = since_refresh(&VIRTUAL_REGISTERS->wallclock_us, &base);
  return base + since;
}
