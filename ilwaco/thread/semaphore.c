/* Semaphores. Who has waited longest is given what is posted. */
#include "../core/core.h"
#include "deadline.h"

#include <errno.h>
#include <semaphore.h>

static int fail(int error) {
  errno = error;
  return -1;
}

int sem_init(sem_t *semaphore, int shared, unsigned value) {
  (void)shared;
  if (value > SEM_VALUE_MAX) return fail(EINVAL);
  *semaphore = (sem_t){.value = value};
  return 0;
}

int sem_destroy(sem_t *semaphore) { return semaphore->waiters.first ? fail(EBUSY) : 0; }

int sem_post(sem_t *semaphore) {
  unsigned before = ilwaco_interrupts_disable();
  int error = 0;
  if (!ilwaco_wake_one(&semaphore->waiters)) {
    if (semaphore->value == SEM_VALUE_MAX) {
      error = EOVERFLOW;
    } else {
      semaphore->value++;
    }
  }
  ilwaco_interrupts_restore(before);
  return error ? fail(error) : 0;
}

static int take(sem_t *semaphore, int may_wait, uint64_t deadline_us) {
  unsigned before = ilwaco_interrupts_disable();
  int error = 0;
  if (semaphore->value) {
    semaphore->value--;
  } else if (!may_wait) {
    error = EAGAIN;
  } else if (!ilwaco_wait(&semaphore->waiters, deadline_us)) {
    error = ETIMEDOUT;
  }
  ilwaco_interrupts_restore(before);
  return error ? fail(error) : 0;
}

int sem_wait(sem_t *semaphore) { return take(semaphore, 1, ILWACO_NO_DEADLINE); }

int sem_trywait(sem_t *semaphore) { return take(semaphore, 0, 0); }

int sem_timedwait(sem_t *semaphore, const struct timespec *deadline) {
  if (semaphore->value == 0 && !ilwaco_timespec_valid(deadline)) return fail(EINVAL);
  return take(semaphore, 1, ilwaco_deadline(CLOCK_REALTIME, deadline));
}

int sem_getvalue(sem_t *semaphore, int *value) {
  *value = (int)semaphore->value;
  return 0;
}
