/* poll() as POSIX has it. */
#ifndef ILWACO_POLL_H
#define ILWACO_POLL_H

typedef unsigned int nfds_t;

struct pollfd {
  int fd; /* negative: the entry is skipped */
  short events;
  short revents;
};

#define POLLIN 0x001
#define POLLPRI 0x002
#define POLLOUT 0x004
#define POLLERR 0x008
#define POLLHUP 0x010
#define POLLNVAL 0x020
#define POLLRDNORM 0x040
#define POLLWRNORM 0x100
#define POLLRDHUP 0x2000 /* the peer has shut down its half */

/* Waits until an entry is ready or `timeout` milliseconds are over (negative: none). */
int poll(struct pollfd *entries, nfds_t count, int timeout);

#endif
