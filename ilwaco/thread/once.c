#include "../core/core.h"

#include <pthread.h>

enum { NOT_RUN, RUNNING, DONE };

int pthread_once(pthread_once_t *once, void (*run)(void)) {
  unsigned before = ilwaco_interrupts_disable();
  if (once->state == NOT_RUN) {
    once->state = RUNNING;
    ilwaco_interrupts_restore(before);
    run();
    before = ilwaco_interrupts_disable();
    once->state = DONE;
    ilwaco_wake_all(&once->waiters);
  } else if (once->state == RUNNING) {
    ilwaco_wait(&once->waiters, ILWACO_NO_DEADLINE);
  }
  ilwaco_interrupts_restore(before);
  return 0;
}
