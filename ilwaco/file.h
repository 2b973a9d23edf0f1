/*
 * What a file descriptor refers to, for the files of Ilwaco only: the console, sockets, later files.
 *
 * `struct file` is the first member of the thing itself. It is counted: the table holds one reference, and
 * every call in progress another, so that close() by one thread does not pull the thing from under
 * another. Operations return -errno (positive numbers) for errors.
 */
#ifndef ILWACO_FILE_H
#define ILWACO_FILE_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;

struct file_operations {
  long (*read)(struct file *file, void *buffer, size_t capacity);
  long (*write)(struct file *file, const void *buffer, size_t length);
  /* All pieces in one call; NULL: piece by piece by read and write. */
  long (*readv)(struct file *file, const struct iovec *pieces, int count);
  long (*writev)(struct file *file, const struct iovec *pieces, int count);
  /* FIONREAD and TIOCOUTQ set *value; NULL: ENOTTY. */
  long (*ioctl)(struct file *file, unsigned long request, int *value);
  /* The POLL bits among `events` (and POLLERR, POLLHUP) that hold now. If none does, the file calls
   * file_polled, and later file_changed when that may have changed. */
  short (*poll)(struct file *file, short events);
  void (*closing)(struct file *file); /* the descriptor is gone: wake those who wait; may be NULL */
  void (*release)(struct file *file); /* the last reference is gone */
};

/* Someone who looks at a file and is told of its changes (epoll.c). Linked with interrupts disabled. */
struct file_watch {
  struct file_watch *next;
  void (*changed)(struct file_watch *watch); /* interrupts disabled */
  void (*closed)(struct file_watch *watch);  /* the descriptor is gone: unlink the watch */
};

struct file {
  const struct file_operations *operations;
  uint32_t references;
  uint16_t flags;  /* O_NONBLOCK */
  uint16_t polled; /* POLL bits that threads in poll() and watches wait for */
  struct file_watch *watches;
};

/* The lowest free descriptor for `file`, whose one reference passes to the table; or -EMFILE, -ENOMEM. */
int file_install(struct file *file);

/* The file with one more reference, for file_put; NULL: no such descriptor. */
struct file *file_get(int fd);
void file_put(struct file *file);

enum { FILE_READABLE = POLLIN | POLLRDNORM, FILE_WRITABLE = POLLOUT | POLLWRNORM, FILE_ANY = 0xffff };

/* Someone waits for `events`, and as always for POLLERR and POLLHUP. */
static inline void file_polled(struct file *file, short events) {
  file->polled |= (uint16_t)(events | POLLERR | POLLHUP);
}

/* Some of `events` may hold now: wakes the threads in poll() that look at the file, and tells its watches,
 * if anyone waits for such a thing. */
static inline void file_changed(struct file *file, unsigned events);
void file_wake_pollers(struct file *file);

static inline void file_changed(struct file *file, unsigned events) {
  if (file->polled & events) {
    file->polled = 0;
    file_wake_pollers(file);
  }
}

#endif
