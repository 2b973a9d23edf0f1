#ifndef ILWACO_SYS_TYPES_H
#define ILWACO_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

/* time_t has 64 bits here, unlike on Linux i386: nothing older than 2026 has to be compatible. */
typedef long ssize_t;
typedef long long off_t;
typedef long long time_t;
typedef long suseconds_t;
typedef unsigned long useconds_t;
typedef long clock_t;
typedef int clockid_t;
typedef int pid_t;
typedef unsigned uid_t;
typedef unsigned gid_t;
typedef unsigned mode_t;

#endif
