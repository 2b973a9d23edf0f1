/* Barriers. */
#include "../core/core.h"

#include <errno.h>
#include <pthread.h>

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attributes,
                         unsigned count) {
  (void)attributes;
  if (count == 0) return EINVAL;
  *barrier = (pthread_barrier_t){.count = count};
  return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier) {
  return barrier->waiters.first ? EBUSY : 0;
}

int pthread_barrier_wait(pthread_barrier_t *barrier) {
  unsigned before = ilwaco_interrupts_disable();
  int last = ++barrier->arrived == barrier->count;
  if (last) {
    barrier->arrived = 0;
    ilwaco_wake_all(&barrier->waiters);
  } else {
    ilwaco_wait(&barrier->waiters, ILWACO_NO_DEADLINE);
  }
  ilwaco_interrupts_restore(before);
  return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}
