/* What the files of the tar file system share. */
#ifndef FS_ARCHIVE_H
#define FS_ARCHIVE_H

#include <denali/block.h>
#include <denali/tar.h>
#include <pthread.h>

enum { LINE_BLOCKS = 8, LINES = 4, LINE_BYTES = LINE_BLOCKS * BLOCK_BYTES };

/* Some of the disk's blocks in memory. */
struct line {
  uint32_t first; /* block; UINT32_MAX: none */
  uint32_t used;  /* when it was last asked for */
  uint8_t *bytes;
};

struct tar {
  int device;
  uint32_t blocks;
  struct line lines[LINES];
  uint32_t clock;
  pthread_mutex_t lock;
  struct tar_entry *entries;
  size_t count, capacity;
};

/* cache.c: bytes of the disk; 0 or an errno: EBADMSG beyond its end. */
int archive_fetch(struct tar *tar, uint64_t at, void *to, size_t length);

/* path.c: the path without what does not count, in new memory; NULL: ENOMEM, or EINVAL for "..". */
char *archive_path(const char *path, size_t length);

#endif
