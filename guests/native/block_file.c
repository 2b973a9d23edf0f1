/*
 * The block API of Ilwaco over one file, for guests that are built as Linux programs: the file of
 * DENALI_DISK is disk 0 with the name "disk". Without it there is none.
 */
#include <denali/block.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file = -1, opened, read_only;
static uint32_t blocks;

static void open_once(void) {
  const char *path = getenv("DENALI_DISK");
  struct stat status;
  if (opened || !path) return;
  opened = 1;
  file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    file = open(path, O_RDONLY | O_CLOEXEC);
    read_only = 1;
  }
  if (file >= 0 && fstat(file, &status) == 0) blocks = (uint32_t)(status.st_size / BLOCK_BYTES);
}

static int fail(int error) {
  errno = error;
  return -1;
}

int block_devices(void) {
  open_once();
  return file >= 0;
}

int block_find(const char *name) {
  return block_devices() && strcmp(name, "disk") == 0 ? 0 : fail(ENODEV);
}

int block_info(int device, struct block_info *info) {
  if (device || !block_devices()) return fail(ENODEV);
  *info = (struct block_info){.name = "disk", .blocks = blocks, .read_only = read_only};
  return 0;
}

static int is_inside(int device, uint32_t block, uint32_t count) {
  if (device || !block_devices()) return fail(ENODEV), 0;
  if (block > blocks || count > blocks - block) return fail(EINVAL), 0;
  return 1;
}

int block_read(int device, uint32_t block, void *to, uint32_t count) {
  if (!is_inside(device, block, count)) return -1;
  size_t left = (size_t)count * BLOCK_BYTES;
  off_t at = (off_t)block * BLOCK_BYTES;
  for (char *bytes = to; left;) {
    ssize_t got = pread(file, bytes, left, at);
    if (got < 0) return -1;
    if (got == 0) return fail(EIO);
    bytes += got;
    at += got;
    left -= (size_t)got;
  }
  return 0;
}

int block_write(int device, uint32_t block, const void *from, uint32_t count) {
  if (!is_inside(device, block, count)) return -1;
  if (read_only) return fail(EROFS);
  size_t left = (size_t)count * BLOCK_BYTES;
  off_t at = (off_t)block * BLOCK_BYTES;
  for (const char *bytes = from; left;) {
    ssize_t put = pwrite(file, bytes, left, at);
    if (put < 0) return -1;
    bytes += put;
    at += put;
    left -= (size_t)put;
  }
  return 0;
}

int block_flush(int device) {
  if (!is_inside(device, 0, 0)) return -1;
  return fdatasync(file);
}
