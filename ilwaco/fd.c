/*
 * The table of file descriptors: read, write, close and fcntl find the file and leave the rest to it.
 *
 * Descriptors 0 to 2 are the console until they are closed. The table starts with a few entries inside
 * the image and doubles when it is full; like everything in Ilwaco that must be short it is guarded by
 * disabling interrupts.
 */
#include <errno.h>
#include <fcntl.h>
#include <ilwaco.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

enum { ENTRIES_FIRST = 8, ENTRIES_MAXIMUM = 65536 };

static long console_read(struct file *file, void *buffer, size_t capacity) {
  if ((file->flags & O_NONBLOCK) && !ilwaco_console_readable()) return -EAGAIN;
  return ilwaco_console_read(buffer, capacity);
}

static long console_write(struct file *file, const void *buffer, size_t length) {
  (void)file;
  return ilwaco_console_write(buffer, length);
}

static short console_poll(struct file *file, short events) {
  short ready = events & (POLLOUT | POLLWRNORM);
  if ((events & (POLLIN | POLLRDNORM)) && ilwaco_console_readable()) {
    ready |= events & (POLLIN | POLLRDNORM);
  }
  if (!ready) file_polled(file, events);
  return ready;
}

static void console_release(struct file *file) { (void)file; }

static const struct file_operations console_operations = {
    .read = console_read, .write = console_write, .poll = console_poll, .release = console_release};

/* One reference for each of the three descriptors. */
static struct file console = {&console_operations, 3, 0, 0, NULL};

static struct file *first_entries[ENTRIES_FIRST] = {&console, &console, &console};
static struct file **entries = first_entries;
static int capacity = ENTRIES_FIRST;

/* POSIX wants the lowest. All below `lowest` are taken. */
static int lowest;

static int find_free(void) {
  while (lowest < capacity && entries[lowest]) lowest++;
  return lowest < capacity ? lowest : -1;
}

/* Doubles the table; 0, or an error number. Memory is taken with interrupts enabled. */
static int grow(void) {
  int larger = capacity * 2;
  if (larger > ENTRIES_MAXIMUM) return EMFILE;
  struct file **bigger = calloc((size_t)larger, sizeof *bigger);
  if (!bigger) return ENOMEM;
  struct file **old = NULL;
  unsigned before = ilwaco_interrupts_disable();
  if (larger > capacity) {
    old = entries;
    memcpy(bigger, entries, (size_t)capacity * sizeof *entries);
    entries = bigger;
    capacity = larger;
  } else {
    old = bigger; /* another thread was faster */
  }
  ilwaco_interrupts_restore(before);
  if (old != first_entries) free(old);
  return 0;
}

int file_install(struct file *file) {
  for (;;) {
    unsigned before = ilwaco_interrupts_disable();
    int fd = find_free();
    if (fd >= 0) entries[fd] = file;
    ilwaco_interrupts_restore(before);
    if (fd >= 0) return fd;
    int error = grow();
    if (error) return -error;
  }
}

struct file *file_get(int fd) {
  unsigned before = ilwaco_interrupts_disable();
  struct file *file = fd >= 0 && fd < capacity ? entries[fd] : NULL;
  if (file) file->references++;
  ilwaco_interrupts_restore(before);
  return file;
}

void file_put(struct file *file) {
  unsigned before = ilwaco_interrupts_disable();
  uint32_t left = --file->references;
  ilwaco_interrupts_restore(before);
  if (left == 0) file->operations->release(file);
}

static long fail(long error) {
  errno = (int)-error;
  return -1;
}

ssize_t read(int fd, void *buffer, size_t size) {
  struct file *file = file_get(fd);
  if (!file) return fail(-EBADF);
  long result = file->operations->read(file, buffer, size);
  file_put(file);
  return result < 0 ? fail(result) : result;
}

ssize_t write(int fd, const void *buffer, size_t length) {
  struct file *file = file_get(fd);
  if (!file) return fail(-EBADF);
  long result = file->operations->write(file, buffer, length);
  file_put(file);
  return result < 0 ? fail(result) : result;
}

int close(int fd) {
  unsigned before = ilwaco_interrupts_disable();
  struct file *file = fd >= 0 && fd < capacity ? entries[fd] : NULL;
  if (file) entries[fd] = NULL;
  if (file && fd < lowest) lowest = fd;
  ilwaco_interrupts_restore(before);
  if (!file) return (int)fail(-EBADF);
  while (file->watches) file->watches->closed(file->watches);
  if (file->operations->closing) file->operations->closing(file);
  file_put(file);
  return 0;
}

int fcntl(int fd, int command, ...) {
  struct file *file = file_get(fd);
  if (!file) return (int)fail(-EBADF);
  va_list arguments;
  va_start(arguments, command);
  int result = 0;
  switch (command) {
    case F_GETFL:
      result = O_RDWR | (file->flags & O_NONBLOCK);
      break;
    case F_SETFL:
      file->flags = (uint16_t)(va_arg(arguments, int) & O_NONBLOCK);
      break;
    case F_GETFD:
    case F_SETFD:
      break;
    default:
      result = (int)fail(-EINVAL);
  }
  va_end(arguments);
  file_put(file);
  return result;
}
