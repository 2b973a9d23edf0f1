/*
 * Read-write locks. A writer that waits keeps new readers out; when a writer leaves, the readers
 * that gathered meanwhile go first. So neither side starves.
 */

#include "../core/core.h"
#include "deadline.h"

#include <errno.h>
#include <pthread.h>

int pthread_rwlock_init(pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes) {
  (void)attributes;
  *lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
  return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock) {
  return lock->writer || lock->readers ? EBUSY : 0;
}

static int lock_for_reading(pthread_rwlock_t *lock, int may_wait, uint64_t deadline_us) {
  int error = 0;
  unsigned before = ilwaco_interrupts_disable();
  if (!lock->writer && !lock->waiting_writers.first) {
    lock->readers++;
  } else if (!may_wait) {
    error = EBUSY;
  } else if (lock->writer == ilwaco_current) {
    error = EDEADLK;
  } else if (!ilwaco_wait(&lock->waiting_readers, deadline_us)) { /* whoever wakes us counts us */
    error = ETIMEDOUT;
  }
  ilwaco_interrupts_restore(before);
  return error;
}

/* A writer has given up: those it kept out may go on. */
static void let_readers_in(pthread_rwlock_t *lock) {
  if (lock->writer || lock->waiting_writers.first) return;
  lock->readers += (unsigned)ilwaco_wake_all(&lock->waiting_readers);
}

static int lock_for_writing(pthread_rwlock_t *lock, int may_wait, uint64_t deadline_us) {
  int error = 0;
  unsigned before = ilwaco_interrupts_disable();
  if (!lock->writer && !lock->readers) {
    lock->writer = ilwaco_current;
  } else if (!may_wait) {
    error = EBUSY;
  } else if (lock->writer == ilwaco_current) {
    error = EDEADLK;
  } else if (!ilwaco_wait(&lock->waiting_writers, deadline_us)) { /* ... makes us the writer */
    error = ETIMEDOUT;
    let_readers_in(lock);
  }
  ilwaco_interrupts_restore(before);
  return error;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
  return lock_for_reading(lock, 1, ILWACO_NO_DEADLINE);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock) { return lock_for_reading(lock, 0, 0); }

int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
  return lock_for_writing(lock, 1, ILWACO_NO_DEADLINE);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock) { return lock_for_writing(lock, 0, 0); }

int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *deadline) {
  if (!ilwaco_timespec_valid(deadline)) return EINVAL;
  return lock_for_reading(lock, 1, ilwaco_deadline(CLOCK_REALTIME, deadline));
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *deadline) {
  if (!ilwaco_timespec_valid(deadline)) return EINVAL;
  return lock_for_writing(lock, 1, ilwaco_deadline(CLOCK_REALTIME, deadline));
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
  unsigned before = ilwaco_interrupts_disable();
  int writer_left = lock->writer != NULL;
  if (writer_left) {
    lock->writer = NULL;
    lock->readers = (unsigned)ilwaco_wake_all(&lock->waiting_readers);
  } else {
    lock->readers--;
  }
  if (!lock->readers && lock->waiting_writers.first) {
    lock->writer = lock->waiting_writers.first;
    ilwaco_wake_one(&lock->waiting_writers);
  }
  ilwaco_interrupts_restore(before);
  return 0;
}
