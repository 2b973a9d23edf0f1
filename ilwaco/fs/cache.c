/* A few stretches of the disk in memory: headers and pieces of files lie across blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"

static struct line *line_of(struct tar *tar, uint32_t first) {
  struct line *oldest = tar->lines;
  for (struct line *line = tar->lines; line < tar->lines + LINES; line++) {
    if (line->bytes && line->first == first) return line;
    if (line->used < oldest->used) oldest = line;
  }
  if (!oldest->bytes) oldest->bytes = malloc(LINE_BYTES);
  if (!oldest->bytes) {
    errno = ENOMEM;
    return NULL;
  }
  uint32_t count = tar->blocks - first < LINE_BLOCKS ? tar->blocks - first : LINE_BLOCKS;
  oldest->first = UINT32_MAX;
  if (block_read(tar->device, first, oldest->bytes, count) < 0) return NULL;
  oldest->first = first;
  return oldest;
}

static int fetch(struct tar *tar, uint64_t at, uint8_t *to, size_t length) {
  uint64_t end = (uint64_t)tar->blocks * BLOCK_BYTES;
  if (at > end || length > end - at) return EBADMSG;
  while (length) {
    struct line *line = line_of(tar, (uint32_t)(at / LINE_BYTES * LINE_BLOCKS));
    if (!line) return errno;
    line->used = ++tar->clock;
    size_t offset = (size_t)(at % LINE_BYTES), piece = LINE_BYTES - offset;
    if (piece > length) piece = length;
    memcpy(to, line->bytes + offset, piece);
    at += piece;
    to += piece;
    length -= piece;
  }
  return 0;
}

int archive_fetch(struct tar *tar, uint64_t at, void *to, size_t length) {
  pthread_mutex_lock(&tar->lock);
  int error = fetch(tar, at, to, length);
  pthread_mutex_unlock(&tar->lock);
  return error;
}
