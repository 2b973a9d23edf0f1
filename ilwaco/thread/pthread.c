/*
 * Life and death of threads. The thread's descriptor lies at the top of its stack, so that a thread
 * which does little dirties one page. Who frees the stack: the joiner, or for a detached thread
 * whoever next creates or ends a thread, because nobody can free the stack he stands on.
 */

#include "../core/core.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define X87_CONTROL_AT_START 0x037f
#define MXCSR_AT_START 0x1f80

/* What entry.S pops in ilwaco_switch. */
struct switch_frame {
  uint32_t mxcsr, x87_control, edi, esi, ebx, ebp, eip;
};

static struct ilwaco_thread *remains; /* detached and finished, not yet freed; linked by next */

static void bury(void) {
  for (;;) {
    unsigned before = ilwaco_interrupts_disable();
    struct ilwaco_thread *thread = remains;
    if (thread) remains = thread->next;
    ilwaco_interrupts_restore(before);
    if (!thread) return;
    free(thread->stack);
  }
}

void ilwaco_thread_main(struct ilwaco_thread *self) {
  ilwaco_interrupts_restore(1);
  pthread_exit(self->run(self->argument));
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  size_t size = PTHREAD_STACK_DEFAULT;
  if (attributes && attributes->stack_size) size = attributes->stack_size;
  bury();
  char *stack = malloc(size);
  if (!stack) return EAGAIN;

  uintptr_t top = ((uintptr_t)stack + size - sizeof(struct ilwaco_thread)) & ~(uintptr_t)15;
  struct ilwaco_thread *new = (struct ilwaco_thread *)top;
  memset(new, 0, sizeof *new);
  new->deadline = ILWACO_NO_DEADLINE;
  new->stack = stack;
  new->run = run;
  new->argument = argument;
  new->detached = attributes && attributes->detached;

  struct switch_frame *frame = (struct switch_frame *)(top - 16) - 1;
  memset(frame, 0, sizeof *frame);
  frame->mxcsr = MXCSR_AT_START;
  frame->x87_control = X87_CONTROL_AT_START;
  frame->ebx = (uint32_t)top;
  frame->eip = (uint32_t)(uintptr_t)ilwaco_thread_entry;
  new->esp = (uint32_t)(uintptr_t)frame;

  if (thread) *thread = new;
  new->stack_bytes = (uint32_t)size;
  unsigned before = ilwaco_interrupts_disable();
  ilwaco_enlist(new);
  ilwaco_make_runnable(new);
  ilwaco_interrupts_restore(before);
  return 0;
}

void ilwaco_keys_destroy(struct ilwaco_thread *thread) __attribute__((weak));

void pthread_exit(void *result) {
  struct ilwaco_thread *self = ilwaco_current;
  if (ilwaco_keys_destroy && self->specific) ilwaco_keys_destroy(self);
  bury();
  ilwaco_interrupts_disable();
  ilwaco_delist(self);
  self->result = result;
  self->finished = 1;
  if (self->detached && self->stack) {
    self->next = remains;
    remains = self;
  }
  ilwaco_wake_all(&self->joiners);
  ilwaco_leave();
}

int pthread_join(pthread_t thread, void **result) {
  if (thread == ilwaco_current) return EDEADLK;
  if (thread->detached || thread->joining) return EINVAL;
  unsigned before = ilwaco_interrupts_disable();
  thread->joining = 1;
  if (!thread->finished) ilwaco_wait(&thread->joiners, ILWACO_NO_DEADLINE);
  ilwaco_interrupts_restore(before);
  if (result) *result = thread->result;
  free(thread->stack);
  return 0;
}

int pthread_detach(pthread_t thread) {
  unsigned before = ilwaco_interrupts_disable();
  int error = thread->detached || thread->joining ? EINVAL : 0;
  int finished = thread->finished;
  if (!error) thread->detached = 1;
  ilwaco_interrupts_restore(before);
  if (!error && finished) free(thread->stack);
  return error;
}

pthread_t pthread_self(void) { return ilwaco_current; }

int pthread_equal(pthread_t a, pthread_t b) { return a == b; }

int sched_yield(void) {
  unsigned before = ilwaco_interrupts_disable();
  if (ilwaco_others_runnable()) ilwaco_yield_disabled();
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_attr_init(pthread_attr_t *attributes) {
  attributes->stack_size = PTHREAD_STACK_DEFAULT;
  attributes->detached = PTHREAD_CREATE_JOINABLE;
  return 0;
}

int pthread_attr_destroy(pthread_attr_t *attributes) {
  (void)attributes;
  return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes) {
  if (bytes < PTHREAD_STACK_MIN) return EINVAL;
  attributes->stack_size = bytes;
  return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attributes, size_t *bytes) {
  *bytes = attributes->stack_size;
  return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attributes, int state) {
  if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED) return EINVAL;
  attributes->detached = state;
  return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attributes, int *state) {
  *state = attributes->detached;
  return 0;
}
