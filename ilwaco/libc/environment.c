/* What a program can ask about where it runs. */

#include <errno.h>
#include <ilwaco.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *getenv(const char *name) { return (char *)ilwaco_setting(name); }

int gethostname(char *name, size_t capacity) {
  const char *own = (const char *)DENALI_REGISTERS->vm_name;
  if (strlcpy(name, own, capacity) >= capacity) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return 0;
}

pid_t getpid(void) { return (pid_t)DENALI_REGISTERS->vm_id; }
