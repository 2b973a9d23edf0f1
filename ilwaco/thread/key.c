/* Thread-specific values. A thread that uses none pays one pointer. */

#include "../core/core.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define DESTRUCTOR_ROUNDS 4 /* PTHREAD_DESTRUCTOR_ITERATIONS of POSIX */

static struct {
  int used;
  void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  int error = EAGAIN;
  unsigned before = ilwaco_interrupts_disable();
  for (pthread_key_t k = 0; k < PTHREAD_KEYS_MAX && error; k++) {
    if (keys[k].used) continue;
    keys[k].used = 1;
    keys[k].destructor = destructor;
    *key = k;
    error = 0;
  }
  ilwaco_interrupts_restore(before);
  return error;
}

int pthread_key_delete(pthread_key_t key) {
  if (key >= PTHREAD_KEYS_MAX || !keys[key].used) return EINVAL;
  keys[key].used = 0;
  return 0;
}

void *pthread_getspecific(pthread_key_t key) {
  void **values = ilwaco_current->specific;
  return values && key < PTHREAD_KEYS_MAX ? values[key] : NULL;
}

int pthread_setspecific(pthread_key_t key, const void *value) {
  struct ilwaco_thread *self = ilwaco_current;
  if (key >= PTHREAD_KEYS_MAX || !keys[key].used) return EINVAL;
  if (!self->specific) {
    self->specific = calloc(PTHREAD_KEYS_MAX, sizeof(void *));
    if (!self->specific) return ENOMEM;
  }
  self->specific[key] = (void *)value;
  return 0;
}

void ilwaco_keys_destroy(struct ilwaco_thread *thread) {
  int again = 1;
  for (int round = 0; round < DESTRUCTOR_ROUNDS && again; round++) {
    again = 0;
    for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++) {
      void *value = thread->specific[key];
      thread->specific[key] = NULL;
      if (!value || !keys[key].used || !keys[key].destructor) continue;
      keys[key].destructor(value);
      again = 1;
    }
  }
  free(thread->specific);
  thread->specific = NULL;
}
