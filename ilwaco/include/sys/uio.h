/* Scattered buffers. On a datagram socket one call is one datagram. */
#ifndef ILWACO_SYS_UIO_H
#define ILWACO_SYS_UIO_H

#include <stddef.h>
#include <sys/types.h>

struct iovec {
  void *iov_base;
  size_t iov_len;
};

#define IOV_MAX 1024
#define UIO_MAXIOV IOV_MAX

ssize_t readv(int fd, const struct iovec *pieces, int count);
ssize_t writev(int fd, const struct iovec *pieces, int count);

#endif
