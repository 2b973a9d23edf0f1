/* Unnamed semaphores as POSIX has them. Functions return -1 and set errno. */
#ifndef ILWACO_SEMAPHORE_H
#define ILWACO_SEMAPHORE_H

#include <ilwaco.h>
#include <time.h>

#define SEM_VALUE_MAX 0x7fffffff

typedef struct {
  unsigned value;
  struct ilwaco_queue waiters;
} sem_t;

int sem_init(sem_t *semaphore, int shared, unsigned value); /* `shared` has no meaning */
int sem_destroy(sem_t *semaphore);
int sem_post(sem_t *semaphore);
int sem_wait(sem_t *semaphore);
int sem_trywait(sem_t *semaphore);
int sem_timedwait(sem_t *semaphore, const struct timespec *deadline); /* of CLOCK_REALTIME */
int sem_getvalue(sem_t *semaphore, int *value);

#endif
