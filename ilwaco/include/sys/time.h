#ifndef ILWACO_SYS_TIME_H
#define ILWACO_SYS_TIME_H

#include <sys/types.h>

struct timeval {
  time_t tv_sec;
  suseconds_t tv_usec; /* 0..999999 */
};

int gettimeofday(struct timeval *now, void *zone);

#endif
