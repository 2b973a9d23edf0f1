/*
 * poll() and select().
 *
 * A thread that finds nothing ready waits with an event of its own in one list; a file that somebody
 * polls wakes the whole list when it changes, and each thread looks again. That is exact for the usual
 * program with one event loop, and a few needless looks for one with several.
 */
#include <poll.h>

#include <errno.h>
#include <ilwaco.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#include "file.h"

struct poller {
  struct poller *next;
  struct ilwaco_event event;
};

static struct poller *pollers;

/* The console has no driver that calls file_changed; look at it this often while it is polled. */
enum { CONSOLE_INTERVAL_US = 20000 };

void file_wake_pollers(struct file *file) {
  unsigned before = ilwaco_interrupts_disable();
  for (struct file_watch *watch = file->watches; watch; watch = watch->next) watch->changed(watch);
  for (struct poller *p = pollers; p; p = p->next) ilwaco_event_signal(&p->event);
  ilwaco_interrupts_restore(before);
}

static void enter(struct poller *poller) {
  unsigned before = ilwaco_interrupts_disable();
  poller->next = pollers;
  pollers = poller;
  ilwaco_interrupts_restore(before);
}

static void leave(struct poller *poller) {
  unsigned before = ilwaco_interrupts_disable();
  struct poller **link = &pollers;
  while (*link != poller) link = &(*link)->next;
  *link = poller->next;
  ilwaco_interrupts_restore(before);
}

/* How many entries are ready; `*console` is set if one may become so without file_changed. */
static int look(struct pollfd *entries, nfds_t count, int *console) {
  int ready = 0;
  for (nfds_t i = 0; i < count; i++) {
    entries[i].revents = 0;
    if (entries[i].fd < 0) continue;
    struct file *file = file_get(entries[i].fd);
    if (file) {
      entries[i].revents = file->operations->poll(file, entries[i].events);
      if (!file->operations->closing) *console = 1;
      file_put(file);
    } else {
      entries[i].revents = POLLNVAL;
    }
    ready += entries[i].revents != 0;
  }
  return ready;
}

/* Waits at most `timeout` microseconds, or ILWACO_NO_DEADLINE. The clock is only read if nothing is ready. */
static int poll_for(struct pollfd *entries, nfds_t count, uint64_t timeout) {
  struct poller self;
  memset(&self, 0, sizeof self);
  enter(&self);
  uint64_t deadline = 0; /* 0: not known yet */
  int ready, console = 0, expired = timeout == 0;
  while (!(ready = look(entries, count, &console)) && !expired) {
    uint64_t now = ilwaco_now_us();
    if (!deadline) deadline = timeout == ILWACO_NO_DEADLINE ? timeout : now + timeout;
    uint64_t until = deadline;
    if (console && now + CONSOLE_INTERVAL_US < until) until = now + CONSOLE_INTERVAL_US;
    if (now >= deadline || (!ilwaco_event_wait(&self.event, until) && until == deadline)) {
      expired = 1;
    }
  }
  leave(&self);
  return ready;
}

int poll(struct pollfd *entries, nfds_t count, int timeout) {
  return poll_for(entries, count, timeout < 0 ? ILWACO_NO_DEADLINE : (uint64_t)timeout * 1000);
}

static int is_set(const fd_set *set, int fd) { return set && FD_ISSET(fd, set); }

int select(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
           struct timeval *timeout) {
  if (count < 0 || count > FD_SETSIZE) {
    errno = EINVAL;
    return -1;
  }
  struct pollfd *entries = malloc((size_t)(count ? count : 1) * sizeof *entries);
  if (!entries) {
    errno = ENOMEM;
    return -1;
  }
  nfds_t used = 0;
  for (int fd = 0; fd < count; fd++) {
    int events = (is_set(readable, fd) ? POLLIN : 0) | (is_set(writable, fd) ? POLLOUT : 0);
    if (events || is_set(exceptional, fd)) {
      entries[used++] = (struct pollfd){.fd = fd, .events = (short)events};
    }
  }
  uint64_t patience = ILWACO_NO_DEADLINE;
  if (timeout) patience = (uint64_t)timeout->tv_sec * 1000000 + (uint64_t)timeout->tv_usec;
  poll_for(entries, used, patience);
  if (readable) FD_ZERO(readable);
  if (writable) FD_ZERO(writable);
  if (exceptional) FD_ZERO(exceptional);
  int ready = 0;
  for (nfds_t i = 0; i < used && ready >= 0; i++) {
    short got = entries[i].revents;
    if (got & POLLNVAL) {
      errno = EBADF;
      ready = -1;
      break;
    }
    if ((entries[i].events & POLLIN) && (got & (POLLIN | POLLHUP | POLLERR))) {
      FD_SET(entries[i].fd, readable);
      ready++;
    }
    if ((entries[i].events & POLLOUT) && (got & (POLLOUT | POLLERR))) {
      FD_SET(entries[i].fd, writable);
      ready++;
    }
  }
  free(entries);
  return ready;
}
