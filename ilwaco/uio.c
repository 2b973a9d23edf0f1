/* readv, writev and ioctl: for descriptors of all kinds. */
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>

#include "file.h"

/* Piece by piece, until one is not filled or emptied. */
static long one_by_one(struct file *file, const struct iovec *pieces, int count, int writing) {
  long total = 0;
  for (int i = 0; i < count; i++) {
    if (pieces[i].iov_len == 0) continue;
    long result = writing ? file->operations->write(file, pieces[i].iov_base, pieces[i].iov_len)
                          : file->operations->read(file, pieces[i].iov_base, pieces[i].iov_len);
    if (result < 0) return total ? total : result;
    total += result;
    if ((size_t)result < pieces[i].iov_len) break;
  }
  return total;
}

static int is_valid(const struct iovec *pieces, int count) {
  size_t total = 0;
  if (count < 0 || count > IOV_MAX) return 0;
  for (int i = 0; i < count; i++) {
    if (__builtin_add_overflow(total, pieces[i].iov_len, &total) || (ssize_t)total < 0) return 0;
  }
  return 1;
}

static ssize_t transfer(int fd, const struct iovec *pieces, int count, int writing) {
  struct file *file = file_get(fd);
  if (!file) {
    errno = EBADF;
    return -1;
  }
  const struct file_operations *operations = file->operations;
  long result = -EINVAL;
  if (is_valid(pieces, count)) {
    long (*whole)(struct file *, const struct iovec *, int) =
        writing ? operations->writev : operations->readv;
    result = whole ? whole(file, pieces, count) : one_by_one(file, pieces, count, writing);
  }
  file_put(file);
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

ssize_t readv(int fd, const struct iovec *pieces, int count) {
  return transfer(fd, pieces, count, 0);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  return transfer(fd, pieces, count, 1);
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  int *value = va_arg(arguments, int *);
  va_end(arguments);
  struct file *file = file_get(fd);
  long result = -EBADF;
  if (file) {
    if (request == FIONBIO) {
      file->flags = (uint16_t)(*value ? file->flags | O_NONBLOCK : file->flags & ~O_NONBLOCK);
      result = 0;
    } else {
      result = file->operations->ioctl ? file->operations->ioctl(file, request, value) : -ENOTTY;
    }
    file_put(file);
  }
  if (result >= 0) return 0;
  errno = (int)-result;
  return -1;
}
