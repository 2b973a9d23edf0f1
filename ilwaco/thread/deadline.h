/* POSIX deadlines (a timespec on some clock) as microseconds of ilwaco_now_us. */
#ifndef ILWACO_DEADLINE_H
#define ILWACO_DEADLINE_H

#include <ilwaco.h>
#include <time.h>

static inline int ilwaco_timespec_valid(const struct timespec *time) {
  return time->tv_nsec >= 0 && time->tv_nsec < 1000000000;
}

/* Rounded up: nobody wakes early. Times before the clock's zero are zero. */
static inline uint64_t ilwaco_timespec_us(const struct timespec *time) {
  if (time->tv_sec < 0) return 0;
  if (time->tv_sec > INT64_MAX / 1000000 - 1) return INT64_MAX;
  return (uint64_t)time->tv_sec * 1000000 + ((unsigned long)time->tv_nsec + 999) / 1000;
}

static inline uint64_t ilwaco_deadline(clockid_t clock, const struct timespec *deadline) {
  uint64_t at = ilwaco_timespec_us(deadline);
  if (clock == CLOCK_MONOTONIC) return at;
  uint64_t wall = ilwaco_wall_us();
  return ilwaco_now_us() + (at > wall ? at - wall : 0);
}

#endif
