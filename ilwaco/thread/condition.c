/* Condition variables. There are no spurious wake-ups, but programs must not rely on that. */

#include "../core/core.h"
#include "deadline.h"

#include <errno.h>
#include <pthread.h>

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
  *condition = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
  if (attributes) condition->clock = attributes->clock;
  return 0;
}

int pthread_cond_destroy(pthread_cond_t *condition) { return condition->waiters.first ? EBUSY : 0; }

static int wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline_us) {
  /* Unlocking and waiting are one step because interrupts stay disabled in between. */
  unsigned before = ilwaco_interrupts_disable();
  int error = pthread_mutex_unlock(mutex);
  if (!error && !ilwaco_wait(&condition->waiters, deadline_us)) error = ETIMEDOUT;
  ilwaco_interrupts_restore(before);
  if (error != EPERM) pthread_mutex_lock(mutex);
  return error;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
  return wait(condition, mutex, ILWACO_NO_DEADLINE);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *deadline) {
  if (!ilwaco_timespec_valid(deadline)) return EINVAL;
  return wait(condition, mutex, ilwaco_deadline(condition->clock, deadline));
}

int pthread_cond_signal(pthread_cond_t *condition) {
  unsigned before = ilwaco_interrupts_disable();
  ilwaco_wake_one(&condition->waiters);
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
  unsigned before = ilwaco_interrupts_disable();
  ilwaco_wake_all(&condition->waiters);
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_condattr_init(pthread_condattr_t *attributes) {
  attributes->clock = CLOCK_REALTIME;
  return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attributes) {
  (void)attributes;
  return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
  attributes->clock = clock;
  return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *attributes, clockid_t *clock) {
  *clock = attributes->clock;
  return 0;
}
