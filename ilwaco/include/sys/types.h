/* The types POSIX says belong here, for ILP32. */
#ifndef ILWACO_SYS_TYPES_H
#define ILWACO_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef __INTPTR_TYPE__ ssize_t;
typedef int64_t off_t;
typedef int64_t time_t;
typedef long suseconds_t;
typedef unsigned int mode_t;
typedef int pid_t;

#endif
