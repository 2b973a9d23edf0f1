/*
 * Mutexes. Ownership is handed to the thread that has waited longest, so nobody starves; without
 * contention lock and unlock are a few stores. What is more than that is in functions of its own, so
 * that these need no registers and no frame.
 */

#include "../core/core.h"
#include "deadline.h"

#include <errno.h>
#include <pthread.h>

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  *mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  if (attributes) mutex->type = attributes->type;
  return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex) { return mutex->owner ? EBUSY : 0; }

static int lock_owned(pthread_mutex_t *mutex, uint64_t deadline_us, unsigned interrupts)
    __attribute__((noinline));
static int lock_owned(pthread_mutex_t *mutex, uint64_t deadline_us, unsigned interrupts) {
  int error = 0;
  if (mutex->owner == ilwaco_current && mutex->type == PTHREAD_MUTEX_RECURSIVE) {
    mutex->depth++;
  } else if (mutex->owner == ilwaco_current && mutex->type == PTHREAD_MUTEX_ERRORCHECK) {
    error = EDEADLK;
  } else if (!ilwaco_wait(&mutex->waiters, deadline_us)) {
    error = ETIMEDOUT;
  }
  ilwaco_interrupts_restore(interrupts);
  return error;
}

static inline int lock(pthread_mutex_t *mutex, uint64_t deadline_us) {
  unsigned before = ilwaco_interrupts_disable();
  if (mutex->owner) return lock_owned(mutex, deadline_us, before);
  mutex->owner = ilwaco_current;
  mutex->depth = 1;
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex) { return lock(mutex, ILWACO_NO_DEADLINE); }

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline) {
  if (!ilwaco_timespec_valid(deadline)) return EINVAL;
  return lock(mutex, ilwaco_deadline(CLOCK_REALTIME, deadline));
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
  unsigned before = ilwaco_interrupts_disable();
  int recursive = mutex->owner == ilwaco_current && mutex->type == PTHREAD_MUTEX_RECURSIVE;
  int error = mutex->owner && !recursive ? EBUSY : 0;
  if (!error) {
    mutex->owner = ilwaco_current;
    mutex->depth = recursive ? mutex->depth + 1 : 1;
  }
  ilwaco_interrupts_restore(before);
  return error;
}

static int unlock_wanted(pthread_mutex_t *mutex, unsigned interrupts) __attribute__((noinline));
static int unlock_wanted(pthread_mutex_t *mutex, unsigned interrupts) {
  int error = 0;
  if (mutex->type != PTHREAD_MUTEX_NORMAL && mutex->owner != ilwaco_current) {
    error = EPERM;
  } else if (mutex->type != PTHREAD_MUTEX_RECURSIVE || --mutex->depth == 0) {
    mutex->owner = mutex->waiters.first;
    mutex->depth = 1;
    ilwaco_wake_one(&mutex->waiters);
  }
  ilwaco_interrupts_restore(interrupts);
  return error;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
  unsigned before = ilwaco_interrupts_disable();
  if (mutex->type != PTHREAD_MUTEX_NORMAL || mutex->waiters.first) return unlock_wanted(mutex, before);
  mutex->owner = NULL;
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_mutexattr_init(pthread_mutexattr_t *attributes) {
  attributes->type = PTHREAD_MUTEX_DEFAULT;
  return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attributes) {
  (void)attributes;
  return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type) {
  if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK) return EINVAL;
  attributes->type = type;
  return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attributes, int *type) {
  *type = attributes->type;
  return 0;
}
