/* Names of threads, for those who look at them. */
#include "../core/core.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

int pthread_setname_np(pthread_t thread, const char *name) {
  size_t length = strlen(name);
  if (length >= sizeof thread->name) return ERANGE;
  unsigned before = ilwaco_interrupts_disable();
  memcpy(thread->name, name, length + 1);
  ilwaco_interrupts_restore(before);
  return 0;
}

int pthread_getname_np(pthread_t thread, char *name, size_t size) {
  unsigned before = ilwaco_interrupts_disable();
  size_t length = strlen(thread->name);
  int error = length < size ? 0 : ERANGE;
  if (!error) memcpy(name, thread->name, length + 1);
  ilwaco_interrupts_restore(before);
  return error;
}
