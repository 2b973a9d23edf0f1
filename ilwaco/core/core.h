/* What the parts of Ilwaco's core know of each other. Nothing here is for programs. */
#ifndef ILWACO_CORE_H
#define ILWACO_CORE_H

#include <ilwaco.h>
#include <stddef.h>

#define VIRTUAL_REGISTERS DENALI_REGISTERS

/* How long a thread runs while others wait, microseconds. */
#define ILWACO_QUANTUM_US 10000

/* One thread of control. All links are owned by scheduler.c, the lower half by thread/. */
struct ilwaco_thread {
  uint32_t esp; /* while it does not run; see entry.S */
  struct ilwaco_thread *next, *previous;
  struct ilwaco_queue *queue; /* that holds it: the run queue or one it waits in; NULL: it runs */
  int woken;                  /* result of ilwaco_wait */
  int error;                  /* errno */

  /* node of the timer queue; deadline is ILWACO_NO_DEADLINE while it is in none */
  uint64_t deadline;
  struct ilwaco_thread *timer_child, *timer_sibling, *timer_back;

  char *stack; /* lowest byte */
  void *(*run)(void *);
  void *argument;
  void *result;
  unsigned char detached, finished, joining;
  struct ilwaco_queue joiners;
  void **specific; /* PTHREAD_KEYS_MAX values, or NULL */

  /* all threads that have not finished, in order of creation */
  struct ilwaco_thread *older, *younger;
  uint32_t id; /* from 1 */
  uint32_t stack_bytes; /* 0: the main thread's, which grows */
  char name[16];
};

extern struct ilwaco_thread *ilwaco_current;
extern struct ilwaco_thread *ilwaco_youngest; /* end of the list of all threads */

/* entry.S */
void ilwaco_upcall(void);
void ilwaco_switch(uint32_t *from_esp, uint32_t to_esp);
void ilwaco_thread_entry(void);

/* interrupt.c */
void ilwaco_interrupts_start(void);
int ilwaco_interrupts_dispatch(void); /* returns 1 if another thread should run now */

/* scheduler.c; interrupts disabled */
void ilwaco_enlist(struct ilwaco_thread *thread); /* a new thread */
void ilwaco_delist(struct ilwaco_thread *thread); /* it has finished */
int ilwaco_is_ready(const struct ilwaco_thread *thread); /* waits for nothing but the CPU */
void ilwaco_make_runnable(struct ilwaco_thread *thread);
void ilwaco_yield_disabled(void); /* gives way to the threads that can run */
void ilwaco_timer_handler(void);
void ilwaco_move_deadline(struct ilwaco_thread *thread, uint64_t deadline_us); /* of one that waits */
int ilwaco_others_runnable(void);
void ilwaco_leave(void) __attribute__((noreturn)); /* never to be scheduled again */

/* timer_queue.c: threads by deadline; interrupts disabled */
extern struct ilwaco_thread *ilwaco_timer_first; /* NULL: none has one */
void ilwaco_timer_insert(struct ilwaco_thread *thread, uint64_t deadline_us);
void ilwaco_timer_remove(struct ilwaco_thread *thread);

/* malloc.c: what the heap holds, bytes, and where it lies; walks over all of it */
struct ilwaco_heap_sizes {
  uint32_t used, free;
  uint32_t begin, end, limit;
};
void ilwaco_heap_sizes(struct ilwaco_heap_sizes *sizes);

/* boot.c: the main thread's stack lies at the top of memory, at most this many bytes */
uint32_t ilwaco_main_stack_bytes(void);

/* stops the CPU until an interrupt is pending; interrupts disabled */
static inline void ilwaco_idle(void) {
  __asm__ volatile(".byte 0x0f, 0x0a, 0x00" ::"a"(DENALI_IDLE_FOREVER) : "memory");
}

#endif
