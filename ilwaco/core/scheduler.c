/*
 * Who runs next. One CPU, round robin, preemptive.
 *
 * - The run queue holds the threads that can run but do not; ilwaco_current is in no queue, unless
 * it waits and nobody else can run: then it idles in pick_next on its own stack. So there is no
 * idle thread and no stack for one.
 * - The deadline register tells when the running thread may have to be interrupted: at the first
 *   deadline of one that waits, or when it has had a quantum and another can run. An idle VM sleeps
 *   until the first deadline in one instruction and has no tick at all.
 * - Nobody asks for the time here: interrupts come only when the registers have been refreshed, so
 *   what these say is when an interrupt came.
 * - All of this runs with interrupts disabled, and partly in upcalls: no FPU, no SSE.
 */

#include "core.h"

static struct ilwaco_thread main_thread = {.deadline = ILWACO_NO_DEADLINE, .id = 1};
struct ilwaco_thread *ilwaco_current = &main_thread, *ilwaco_youngest = &main_thread;

static struct ilwaco_queue run_queue;

static void append(struct ilwaco_queue *queue, struct ilwaco_thread *thread) {
  thread->queue = queue;
  thread->next = NULL;
  thread->previous = queue->last;
  if (queue->last) {
    queue->last->next = thread;
  } else {
    queue->first = thread;
  }
  queue->last = thread;
}

static void take_out(struct ilwaco_thread *thread) {
  struct ilwaco_queue *queue = thread->queue;
  if (thread->previous) {
    thread->previous->next = thread->next;
  } else {
    queue->first = thread->next;
  }
  if (thread->next) {
    thread->next->previous = thread->previous;
  } else {
    queue->last = thread->previous;
  }
  thread->queue = NULL;
}

void ilwaco_enlist(struct ilwaco_thread *thread) {
  static uint32_t last_id = 1;
  thread->id = ++last_id;
  thread->older = ilwaco_youngest;
  if (ilwaco_youngest) ilwaco_youngest->younger = thread;
  ilwaco_youngest = thread;
}

void ilwaco_delist(struct ilwaco_thread *thread) {
  if (thread->older) thread->older->younger = thread->younger;
  if (thread->younger) {
    thread->younger->older = thread->older;
  } else {
    ilwaco_youngest = thread->older;
  }
}

int ilwaco_is_ready(const struct ilwaco_thread *thread) { return thread->queue == &run_queue; }

int ilwaco_others_runnable(void) { return run_queue.first != NULL; }

/* ---- time */

static uint64_t first_deadline(void) {
  return ilwaco_timer_first ? ilwaco_timer_first->deadline : ILWACO_NO_DEADLINE;
}

/* When the registers were refreshed, which may happen between two reads. */
static uint64_t refreshed(void) {
  uint64_t us;
  do {
    us = VIRTUAL_REGISTERS->monotonic_us;
  } while ((uint32_t)VIRTUAL_REGISTERS->monotonic_us != (uint32_t)us);
  return us;
}

static uint64_t quantum_end(void) { return refreshed() + ILWACO_QUANTUM_US; }

static void interrupt_not_after(uint64_t time_us) {
  if (time_us < VIRTUAL_REGISTERS->deadline_us) VIRTUAL_REGISTERS->deadline_us = time_us;
}

/* Lets those run whose deadline has passed; they return 0 from ilwaco_wait. */
void ilwaco_timer_handler(void) {
  uint64_t now = refreshed();
  while (first_deadline() <= now) {
    struct ilwaco_thread *thread = ilwaco_timer_first;
    ilwaco_timer_remove(thread);
    take_out(thread);
    append(&run_queue, thread);
  }
  VIRTUAL_REGISTERS->deadline_us = first_deadline();
}

void ilwaco_move_deadline(struct ilwaco_thread *thread, uint64_t deadline_us) {
  if (thread->deadline != ILWACO_NO_DEADLINE) ilwaco_timer_remove(thread);
  if (deadline_us == ILWACO_NO_DEADLINE) return;
  ilwaco_timer_insert(thread, deadline_us);
  interrupt_not_after(deadline_us);
}

/* ---- switching */

void ilwaco_heap_trim(void) __attribute__((weak)); /* malloc.c, if it is linked */

static struct ilwaco_thread *pick_next(void) {
  for (;;) {
    if (VIRTUAL_REGISTERS->interrupt_pending) ilwaco_interrupts_dispatch();
    struct ilwaco_thread *thread = run_queue.first;
    if (thread) {
      take_out(thread);
      return thread;
    }
    if (ilwaco_heap_trim) ilwaco_heap_trim();
    VIRTUAL_REGISTERS->deadline_us = first_deadline();
    ilwaco_idle();
  }
}

static void switch_to_next(void) {
  struct ilwaco_thread *self = ilwaco_current;
  if (self->stack && (char *)__builtin_frame_address(0) < self->stack + 256) {
    ilwaco_panic("a thread has used up its stack; give it more by pthread_attr_setstacksize");
  }
  struct ilwaco_thread *next = pick_next();
  VIRTUAL_REGISTERS->deadline_us = first_deadline();
  if (run_queue.first) interrupt_not_after(quantum_end());
  if (next == self) return;
  ilwaco_current = next;
  ilwaco_switch(&self->esp, next->esp);
}

void ilwaco_yield_disabled(void) {
  append(&run_queue, ilwaco_current);
  switch_to_next();
}

void ilwaco_leave(void) {
  switch_to_next();
  ilwaco_panic("a finished thread was scheduled");
}

void ilwaco_make_runnable(struct ilwaco_thread *thread) {
  int idles = ilwaco_current->queue || thread == ilwaco_current;
  if (!run_queue.first && !idles) interrupt_not_after(quantum_end());
  append(&run_queue, thread);
}

int ilwaco_wait(struct ilwaco_queue *queue, uint64_t deadline_us) {
  struct ilwaco_thread *self = ilwaco_current;
  self->woken = 0;
  append(queue, self);
  if (deadline_us != ILWACO_NO_DEADLINE) ilwaco_timer_insert(self, deadline_us);
  switch_to_next();
  return self->woken;
}

int ilwaco_wake_one(struct ilwaco_queue *queue) {
  struct ilwaco_thread *thread = queue->first;
  if (!thread) return 0;
  take_out(thread);
  if (thread->deadline != ILWACO_NO_DEADLINE) ilwaco_timer_remove(thread);
  thread->woken = 1;
  ilwaco_make_runnable(thread);
  return 1;
}

int ilwaco_wake_all(struct ilwaco_queue *queue) {
  int count = 0;
  while (ilwaco_wake_one(queue)) count++;
  return count;
}
