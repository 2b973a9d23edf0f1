/*
 * epoll: which of many files are ready.
 *
 * A watched file carries a list of watches (file.h). When it changes it puts their items on the ready
 * list of their epoll; a wait looks only at those, keeps the ones that are still ready and drops the
 * others until they change again. The ready list is guarded by disabling interrupts, as files change
 * in any thread; everything else by the epoll's mutex, so that a close in another thread does not
 * free an item that a wait looks at.
 */
#include <sys/epoll.h>

#include <errno.h>
#include <ilwaco.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "file.h"

struct item {
  struct file_watch watch; /* first */
  struct epoll *epoll;
  struct file *file;
  struct item *next, *previous;             /* all of the epoll */
  struct item *ready_next, *ready_previous; /* while `ready` */
  uint32_t events;
  epoll_data_t data;
  uint8_t ready;
};

struct epoll {
  struct file file; /* first */
  struct item *items;
  struct item *ready_first, *ready_last;
  struct ilwaco_event event;
  pthread_mutex_t mutex;
};

enum { ACCEPTED = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP };

/* --- the ready list; interrupts disabled */

static void append_ready(struct item *item) {
  struct epoll *epoll = item->epoll;
  if (item->ready) return;
  item->ready = 1;
  item->ready_next = NULL;
  item->ready_previous = epoll->ready_last;
  if (epoll->ready_last) epoll->ready_last->ready_next = item;
  else epoll->ready_first = item;
  epoll->ready_last = item;
}

static void remove_ready(struct item *item) {
  struct epoll *epoll = item->epoll;
  if (!item->ready) return;
  item->ready = 0;
  if (item->ready_next) item->ready_next->ready_previous = item->ready_previous;
  else epoll->ready_last = item->ready_previous;
  if (item->ready_previous) item->ready_previous->ready_next = item->ready_next;
  else epoll->ready_first = item->ready_next;
}

static void changed(struct file_watch *watch) {
  struct item *item = (struct item *)watch;
  append_ready(item);
  ilwaco_event_signal(&item->epoll->event);
  file_changed(&item->epoll->file, FILE_READABLE);
}

/* --- items; the mutex is held */

static struct item *find(const struct epoll *epoll, struct file *file) {
  for (struct file_watch *watch = file->watches; watch; watch = watch->next) {
    struct item *item = (struct item *)watch;
    if (watch->changed == changed && item->epoll == epoll) return item;
  }
  return NULL;
}

static void remove_item(struct item *item) {
  unsigned before = ilwaco_interrupts_disable();
  struct file_watch **link = &item->file->watches;
  while (*link != &item->watch) link = &(*link)->next;
  *link = item->watch.next;
  remove_ready(item);
  ilwaco_interrupts_restore(before);
  if (item->next) item->next->previous = item->previous;
  if (item->previous) item->previous->next = item->next;
  else item->epoll->items = item->next;
  free(item);
}

static void closed(struct file_watch *watch) {
  struct item *item = (struct item *)watch;
  struct epoll *epoll = item->epoll;
  pthread_mutex_lock(&epoll->mutex);
  remove_item(item);
  pthread_mutex_unlock(&epoll->mutex);
}

/* Lets the next wait look at the item. */
static void arm(struct item *item) {
  unsigned before = ilwaco_interrupts_disable();
  changed(&item->watch);
  ilwaco_interrupts_restore(before);
}

static int add_item(struct epoll *epoll, struct file *file, const struct epoll_event *event) {
  struct item *item = calloc(1, sizeof *item);
  if (!item) return ENOMEM;
  item->watch.changed = changed;
  item->watch.closed = closed;
  item->epoll = epoll;
  item->file = file;
  item->events = event->events;
  item->data = event->data;
  item->next = epoll->items;
  if (epoll->items) epoll->items->previous = item;
  epoll->items = item;
  unsigned before = ilwaco_interrupts_disable();
  item->watch.next = file->watches;
  file->watches = &item->watch;
  ilwaco_interrupts_restore(before);
  arm(item);
  return 0;
}

/* --- the epoll as a file */

static short epoll_poll(struct file *file, short events) {
  struct epoll *epoll = (struct epoll *)file;
  short ready = epoll->ready_first ? events & FILE_READABLE : 0;
  if (!ready) file_polled(file, events);
  return ready;
}

static void epoll_release(struct file *file) {
  struct epoll *epoll = (struct epoll *)file;
  while (epoll->items) remove_item(epoll->items);
  free(epoll);
}

static long no_bytes(struct file *file, void *buffer, size_t length) {
  (void)file, (void)buffer, (void)length;
  return -EINVAL;
}
static long takes_no_bytes(struct file *file, const void *buffer, size_t length) {
  (void)file, (void)buffer, (void)length;
  return -EINVAL;
}
static void epoll_closing(struct file *file) { (void)file; }

static const struct file_operations operations = {.read = no_bytes,
                                                  .write = takes_no_bytes,
                                                  .poll = epoll_poll,
                                                  .closing = epoll_closing,
                                                  .release = epoll_release};

int epoll_create1(int flags) {
  int fd = -EINVAL;
  if (!(flags & ~EPOLL_CLOEXEC)) {
    struct epoll *epoll = calloc(1, sizeof *epoll);
    fd = -ENOMEM;
    if (epoll) {
      epoll->file.operations = &operations;
      epoll->file.references = 1;
      epoll->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
      fd = file_install(&epoll->file);
      if (fd < 0) free(epoll);
    }
  }
  if (fd >= 0) return fd;
  errno = -fd;
  return -1;
}

int epoll_create(int size) {
  if (size > 0) return epoll_create1(0);
  errno = EINVAL;
  return -1;
}

/* The epoll of a descriptor, for file_put; NULL and errno: it is none. */
static struct epoll *epoll_get(int fd) {
  struct file *file = file_get(fd);
  if (file && file->operations == &operations) return (struct epoll *)file;
  errno = file ? EINVAL : EBADF;
  if (file) file_put(file);
  return NULL;
}

static int control(struct epoll *epoll, int operation, struct file *file,
                   const struct epoll_event *event) {
  if (!file->operations->closing) return EPERM;
  if (file == &epoll->file) return EINVAL;
  if (operation != EPOLL_CTL_DEL && !event) return EFAULT;
  if (operation != EPOLL_CTL_DEL && event->events & ~(uint32_t)ACCEPTED) return EINVAL;
  struct item *item = find(epoll, file);
  if (operation == EPOLL_CTL_ADD) return item ? EEXIST : add_item(epoll, file, event);
  if (operation != EPOLL_CTL_MOD && operation != EPOLL_CTL_DEL) return EINVAL;
  if (!item) return ENOENT;
  if (operation == EPOLL_CTL_DEL) {
    remove_item(item);
  } else {
    item->events = event->events;
    item->data = event->data;
    arm(item);
  }
  return 0;
}

int epoll_ctl(int fd, int operation, int watched, struct epoll_event *event) {
  struct epoll *epoll = epoll_get(fd);
  if (!epoll) return -1;
  struct file *file = file_get(watched);
  int error = EBADF;
  if (file) {
    pthread_mutex_lock(&epoll->mutex);
    error = control(epoll, operation, file, event);
    pthread_mutex_unlock(&epoll->mutex);
    file_put(file);
  }
  file_put(&epoll->file);
  if (!error) return 0;
  errno = error;
  return -1;
}

static struct item *take_ready(struct epoll *epoll, const struct item *last) {
  unsigned before = ilwaco_interrupts_disable();
  struct item *item = epoll->ready_first;
  if (item && item != last) remove_ready(item);
  ilwaco_interrupts_restore(before);
  return item == last ? NULL : item;
}

/* Looks once at each item that was on the ready list; those that are ready go to its end. */
static int collect(struct epoll *epoll, struct epoll_event *events, int capacity) {
  int count = 0;
  struct item *item, *kept = NULL; /* the first of those that went to the end */
  while (count < capacity && (item = take_ready(epoll, kept))) {
    short wanted = (short)(item->events & (EPOLLIN | EPOLLPRI | EPOLLOUT));
    short ready = item->file->operations->poll(item->file, wanted);
    if (!ready) continue;
    events[count++] = (struct epoll_event){.events = (uint16_t)ready, .data = item->data};
    unsigned before = ilwaco_interrupts_disable();
    append_ready(item);
    ilwaco_interrupts_restore(before);
    if (!kept) kept = item;
  }
  return count;
}

int epoll_wait(int fd, struct epoll_event *events, int capacity, int timeout) {
  if (capacity <= 0) {
    errno = EINVAL;
    return -1;
  }
  struct epoll *epoll = epoll_get(fd);
  if (!epoll) return -1;
  uint64_t deadline = 0; /* 0: not known yet; the clock is only read if nothing is ready */
  int count, expired = timeout == 0;
  for (;;) {
    pthread_mutex_lock(&epoll->mutex);
    count = collect(epoll, events, capacity);
    pthread_mutex_unlock(&epoll->mutex);
    if (count || expired) break;
    if (!deadline) {
      deadline = timeout < 0 ? ILWACO_NO_DEADLINE : ilwaco_now_us() + (uint64_t)timeout * 1000;
    }
    expired = !ilwaco_event_wait(&epoll->event, deadline);
  }
  file_put(&epoll->file);
  return count;
}
