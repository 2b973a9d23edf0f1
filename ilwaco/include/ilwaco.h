/*
 * Ilwaco: what the library OS offers beyond POSIX.
 *
 * There is one CPU and no kernel below the program except Denali, so "disable interrupts" is the only
 * lock the library itself needs: between ilwaco_interrupts_disable and ilwaco_interrupts_restore
 * nothing else runs. Keep such stretches short, and never block in one except by the functions here that
 * say so.
 *
 * Interrupt handlers run on the stack of the thread they interrupted, interrupts disabled, FPU and SSE
 * state not saved. Rules for a handler:
 * - define it with ILWACO_HANDLER, so that the compiler uses no FPU, MMX or SSE register in it;
 * - it calls nothing but what is marked "handler-safe" here;
 * - it does not block. Usually it signals an event and a thread does the work.
 */
#ifndef ILWACO_H
#define ILWACO_H

#include <denali.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- time: microseconds; neither clock ever goes backwards while the VM lives */

#define ILWACO_NO_DEADLINE UINT64_MAX

uint64_t ilwaco_now_us(void);  /* since the VM started; handler-safe */
uint64_t ilwaco_wall_us(void); /* since 1970-01-01 UTC; handler-safe */

/* ---- interrupts */

#define ILWACO_HANDLER __attribute__((target("general-regs-only")))

/* Returns what ilwaco_interrupts_restore wants. They nest. Handler-safe. */
static inline unsigned ilwaco_interrupts_disable(void) {
  unsigned before = DENALI_REGISTERS->interrupt_enable;
  DENALI_REGISTERS->interrupt_enable = 0;
  __asm__ volatile("" ::: "memory");
  return before;
}

/* Enables interrupts, with some already pending, and lets their handlers run. */
void ilwaco_interrupts_enable_pending(void);

/* Delivers at once what came in the meantime, if it enables interrupts. Handler-safe. */
static inline void ilwaco_interrupts_restore(unsigned before) {
  __asm__ volatile("" ::: "memory");
  if (!before) return;
  DENALI_REGISTERS->interrupt_enable = 1;
  /* Without this, what is pending would wait until the VM is scheduled again. */
  if (DENALI_REGISTERS->interrupt_pending) ilwaco_interrupts_enable_pending();
}

/* Calls `handler` for each of these DENALI_INTERRUPT_ bits; NULL restores the default. The timer is
 * taken. The default for SHUTDOWN is exit(0), for the others to ignore the bit. */
void ilwaco_on_interrupt(unsigned bit_mask, void (*handler)(void));

/* ---- blocking */

/* Threads that wait, first come first served. All zero is an empty queue. */
struct ilwaco_thread;
struct ilwaco_queue {
  struct ilwaco_thread *first, *last;
};

/* Interrupts must be disabled. Gives the CPU to other threads until woken (returns 1) or until
 * `deadline_us` of ilwaco_now_us (returns 0). Interrupts are enabled while others run and disabled again
 * on return. */
int ilwaco_wait(struct ilwaco_queue *queue, uint64_t deadline_us);

/* Make the first, or all, runnable; return how many. Interrupts must be disabled. Handler-safe. */
int ilwaco_wake_one(struct ilwaco_queue *queue);
int ilwaco_wake_all(struct ilwaco_queue *queue);

/* A signal that is remembered until one waiter has taken it. All zero is a fresh event. */
struct ilwaco_event {
  int signalled;
  struct ilwaco_queue waiters;
};
#define ILWACO_EVENT_INITIALIZER {0, {0, 0}}

/* Wakes one waiter, or lets the next ilwaco_event_wait return at once. Handler-safe. */
void ilwaco_event_signal(struct ilwaco_event *event);

/* 1: signalled (the signal is consumed); 0: `deadline_us` passed. */
int ilwaco_event_wait(struct ilwaco_event *event, uint64_t deadline_us);

/* Gives the waiter another deadline without waking it. If none waits, perhaps not yet: signals. */
void ilwaco_event_move_deadline(struct ilwaco_event *event, uint64_t deadline_us);

/* ---- console: file descriptors 0, 1 and 2 */

long ilwaco_console_write(const void *buffer, unsigned long length); /* returns length */
long ilwaco_console_read(void *buffer, unsigned long capacity);      /* blocks; 0: end of input */
int ilwaco_console_readable(void);                                   /* 1: a read would not block */

/* ---- this VM */

const char *ilwaco_setting(const char *key); /* value of a boot setting, or NULL */
void ilwaco_terminate(int code) __attribute__((noreturn)); /* at once, without atexit or flush */

/* Prints "ilwaco: REASON" and crashes the VM, so that a crash report shows where. */
void ilwaco_panic(const char *reason) __attribute__((noreturn));

/* Not for secrets: a generator seeded from the clock and the VM's id. */
uint32_t ilwaco_random32(void);

/* ---- ports; handler-safe */

static inline void ilwaco_out(unsigned port, uint32_t value) {
  __asm__ volatile("outl %0, %w1" ::"a"(value), "d"(port) : "memory");
}

static inline uint32_t ilwaco_in(unsigned port) {
  uint32_t value;
  __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port) : "memory");
  return value;
}

/* Bytes the device did not take. */
static inline unsigned long ilwaco_outs(unsigned port, const void *buffer, unsigned long length) {
  __asm__ volatile("rep outsb" : "+S"(buffer), "+c"(length) : "d"(port) : "memory");
  return length;
}

/* Bytes received. */
static inline unsigned long ilwaco_ins(unsigned port, void *buffer, unsigned long capacity) {
  unsigned long left = capacity;
  __asm__ volatile("rep insb" : "+D"(buffer), "+c"(left) : "d"(port) : "memory");
  return capacity - left;
}

#ifdef __cplusplus
}
#endif

#endif
