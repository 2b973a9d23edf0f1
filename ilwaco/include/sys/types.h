/*
 * The types POSIX says belong here, for ILP32. time_t has 64 bits, unlike on Linux i386: nothing older
 * has to be compatible.
 */
#ifndef ILWACO_SYS_TYPES_H
#define ILWACO_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef __INTPTR_TYPE__ ssize_t;
typedef int64_t off_t;
typedef int64_t time_t;
typedef long suseconds_t;
typedef unsigned long useconds_t;
typedef long clock_t;
typedef int clockid_t;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned int mode_t;

#endif
