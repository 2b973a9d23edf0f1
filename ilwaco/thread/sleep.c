#include "../core/core.h"
#include "deadline.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static void sleep_us(uint64_t duration_us) {
  static struct ilwaco_queue sleepers; /* nobody wakes them; their deadlines do */
  unsigned before = ilwaco_interrupts_disable();
  ilwaco_wait(&sleepers, ilwaco_now_us() + duration_us);
  ilwaco_interrupts_restore(before);
}

int nanosleep(const struct timespec *duration, struct timespec *left) {
  if (duration->tv_sec < 0 || !ilwaco_timespec_valid(duration)) {
    errno = EINVAL;
    return -1;
  }
  sleep_us(ilwaco_timespec_us(duration));
  if (left) *left = (struct timespec){0, 0};
  return 0;
}

unsigned sleep(unsigned seconds) {
  sleep_us((uint64_t)seconds * 1000000);
  return 0;
}

int usleep(useconds_t microseconds) {
  sleep_us(microseconds);
  return 0;
}
