/* POSIX and ISO C time on the two clocks of clock.c. */

#include "core.h"

#include <errno.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
    errno = EINVAL;
    return -1;
  }
  uint64_t us = clock == CLOCK_REALTIME ? ilwaco_wall_us() : ilwaco_now_us();
  now->tv_sec = (time_t)(us / 1000000);
  now->tv_nsec = (long)(us % 1000000) * 1000;
  return 0;
}

int clock_getres(clockid_t clock, struct timespec *resolution) {
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) {
    errno = EINVAL;
    return -1;
  }
  if (resolution) *resolution = (struct timespec){0, 1000};
  return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  uint64_t us = ilwaco_wall_us();
  now->tv_sec = (time_t)(us / 1000000);
  now->tv_usec = (suseconds_t)(us % 1000000);
  return 0;
}

time_t time(time_t *now) {
  time_t seconds = (time_t)(ilwaco_wall_us() / 1000000);
  if (now) *now = seconds;
  return seconds;
}

/* The VM's time, not this program's CPU time, which Denali does not tell. */
clock_t clock(void) { return (clock_t)ilwaco_now_us(); }

double difftime(time_t end, time_t begin) { return (double)(end - begin); }
