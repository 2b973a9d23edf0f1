#ifndef ILWACO_TIME_H
#define ILWACO_TIME_H

#include <sys/types.h>

struct timespec {
  time_t tv_sec;
  long tv_nsec; /* 0..999999999 */
};

struct tm {
  int tm_sec, tm_min, tm_hour;
  int tm_mday; /* 1..31 */
  int tm_mon;  /* 0..11 */
  int tm_year; /* since 1900 */
  int tm_wday; /* 0 = Sunday */
  int tm_yday; /* 0..365 */
  int tm_isdst;
};

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCKS_PER_SEC 1000000l

int clock_gettime(clockid_t clock, struct timespec *now);
int clock_getres(clockid_t clock, struct timespec *resolution);
int nanosleep(const struct timespec *duration, struct timespec *left);
time_t time(time_t *now);
clock_t clock(void);
double difftime(time_t end, time_t begin);

/* There are no time zones: local time is UTC. */
struct tm *gmtime_r(const time_t *when, struct tm *result);
struct tm *gmtime(const time_t *when);
struct tm *localtime_r(const time_t *when, struct tm *result);
struct tm *localtime(const time_t *when);
time_t timegm(struct tm *when);
time_t mktime(struct tm *when);
size_t strftime(char *buffer, size_t capacity, const char *format, const struct tm *when);

#endif
