/*
 * epoll as Linux has it, for programs with thousands of connections: a wait costs what is ready, not
 * what is watched. Level-triggered only: EPOLLET and EPOLLONESHOT are refused with EINVAL, and the
 * console with EPERM. A descriptor that is closed is no longer watched.
 */
#ifndef ILWACO_SYS_EPOLL_H
#define ILWACO_SYS_EPOLL_H

#include <stdint.h>

#define EPOLLIN 0x001
#define EPOLLPRI 0x002
#define EPOLLOUT 0x004
#define EPOLLERR 0x008
#define EPOLLHUP 0x010
#define EPOLLRDHUP 0x2000 /* accepted, never reported: EPOLLIN and a read of 0 tell it */
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)

#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3
#define EPOLL_CLOEXEC 02000000 /* accepted, without meaning: there is no exec */

typedef union epoll_data {
  void *ptr;
  int fd;
  uint32_t u32;
  uint64_t u64;
} epoll_data_t;

struct epoll_event {
  uint32_t events;
  epoll_data_t data;
};

int epoll_create(int size);
int epoll_create1(int flags);
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout);

#endif
