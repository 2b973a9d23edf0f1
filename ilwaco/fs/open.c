/* The files of a mounted archive, under their POSIX names. */
#include <errno.h>
#include <fcntl.h>
#include <ilwaco.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../file.h"
#include "archive.h"

struct open_file {
  struct file file; /* first */
  const struct tar_entry *entry;
  uint64_t at;
};

static struct tar *mounted;

static long read_file(struct file *file, void *buffer, size_t capacity) {
  struct open_file *open = (struct open_file *)file;
  if (open->entry->is_folder) return -EISDIR;
  ssize_t got = tar_read(mounted, open->entry, open->at, buffer, capacity);
  if (got < 0) return -errno;
  open->at += (uint64_t)got;
  return got;
}

static long write_file(struct file *file, const void *buffer, size_t length) {
  (void)file, (void)buffer, (void)length;
  return -EBADF;
}

static short poll_file(struct file *file, short events) {
  (void)file;
  return events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

static void release_file(struct file *file) { free(file); }

static const struct file_operations operations = {
    .read = read_file, .write = write_file, .poll = poll_file, .release = release_file};

static int fail(int error) {
  errno = error;
  return -1;
}

int tar_mount(int device) {
  struct tar *tar = tar_open(device);
  if (!tar) return -1;
  mounted = tar; /* a former one stays: files of it may be open */
  return 0;
}

static const struct tar_entry *find(const char *path) {
  const struct tar_entry *entry = mounted ? tar_find(mounted, path) : NULL;
  if (!entry) errno = ENOENT;
  return entry;
}

int open(const char *path, int flags, ...) {
  const struct tar_entry *entry = find(path);
  if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC || (!entry && flags & O_CREAT)) {
    return fail(EROFS);
  }
  if (!entry) return -1;
  struct open_file *open = calloc(1, sizeof *open);
  if (!open) return fail(ENOMEM);
  open->file.operations = &operations;
  open->file.references = 1;
  open->entry = entry;
  int fd = file_install(&open->file);
  if (fd >= 0) return fd;
  free(open);
  return fail(-fd);
}

/* For file_put; NULL: it is something else. */
static struct open_file *get(int fd, int error) {
  struct file *file = file_get(fd);
  if (file && file->operations == &operations) return (struct open_file *)file;
  errno = file ? error : EBADF;
  if (file) file_put(file);
  return NULL;
}

ssize_t pread(int fd, void *buffer, size_t capacity, off_t offset) {
  struct open_file *open = get(fd, ESPIPE);
  if (!open) return -1;
  ssize_t got = offset < 0               ? fail(EINVAL)
                : open->entry->is_folder ? fail(EISDIR)
                                         : tar_read(mounted, open->entry, (uint64_t)offset, buffer, capacity);
  file_put(&open->file);
  return got;
}

off_t lseek(int fd, off_t offset, int whence) {
  struct open_file *open = get(fd, ESPIPE);
  if (!open) return -1;
  off_t base = whence == SEEK_SET   ? 0
               : whence == SEEK_CUR ? (off_t)open->at
               : whence == SEEK_END ? (off_t)open->entry->size
                                    : -1;
  off_t to = -1;
  if (base >= 0 && !__builtin_add_overflow(base, offset, &to) && to >= 0) open->at = (uint64_t)to;
  else to = fail(EINVAL);
  file_put(&open->file);
  return to;
}

static void describe(const struct tar_entry *entry, struct stat *status) {
  *status = (struct stat){.st_mode = entry->is_folder ? S_IFDIR | 0555 : S_IFREG | 0444,
                          .st_size = (off_t)entry->size,
                          .st_mtime = (time_t)entry->mtime};
}

int stat(const char *path, struct stat *status) {
  const struct tar_entry *entry = find(path);
  if (!entry) return -1;
  describe(entry, status);
  return 0;
}

int fstat(int fd, struct stat *status) {
  struct open_file *open = get(fd, EINVAL);
  if (!open) return -1;
  describe(open->entry, status);
  file_put(&open->file);
  return 0;
}
