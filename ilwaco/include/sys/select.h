/* select() as POSIX has it. For descriptors from FD_SETSIZE up, use poll(). */
#ifndef ILWACO_SYS_SELECT_H
#define ILWACO_SYS_SELECT_H

#include <sys/time.h>
#include <sys/types.h>

#define FD_SETSIZE 1024

typedef struct {
  unsigned int bits[FD_SETSIZE / 32];
} fd_set;

#define FD_ZERO(set) __builtin_memset((set), 0, sizeof(fd_set))
#define FD_SET(fd, set) ((void)((set)->bits[(fd) / 32] |= 1u << ((fd) % 32)))
#define FD_CLR(fd, set) ((void)((set)->bits[(fd) / 32] &= ~(1u << ((fd) % 32))))
#define FD_ISSET(fd, set) (((set)->bits[(fd) / 32] >> ((fd) % 32)) & 1)

/* `timeout` NULL: none. It is not changed. */
int select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
           struct timeval *timeout);

#endif
