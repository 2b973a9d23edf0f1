/*
 * Disks: rows of blocks of 4 KiB that outlive the VM. What a disk is called and how large it is, the
 * operator decides.
 *
 * Many requests may be under way at once, from one thread by block_submit or from many by the blocking
 * calls. They may be performed and may end in any order: whoever needs an order waits for one before
 * submitting the next, or flushes.
 *
 * Durability: a write that has ended survives the end of the VM. Only a flush that was submitted after
 * the write was, and has ended without an error, makes it survive a killed host process and a loss of
 * power. A block is not written by halves unless power is lost while it is written.
 *
 * After EIO or ENOSPC the blocks of a write are old or new, each by itself. If a flush fails, every
 * later write and flush of the disk fails too: what was written since the flush before may be lost.
 */
#ifndef DENALI_BLOCK_H
#define DENALI_BLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLOCK_BYTES 4096
#define BLOCK_NAME_BYTES 24
/* Most blocks of one request of block_submit. The blocking calls take any number. */
#define BLOCK_REQUEST_BLOCKS 32

struct block_info {
  char name[BLOCK_NAME_BYTES]; /* NUL-terminated */
  uint32_t blocks;
  int read_only;
};

/* Devices are numbered from 0; their number does not change while the VM lives. */
int block_devices(void);

/* The number of the device of that name, or -1 and ENODEV. */
int block_find(const char *name);

/* 0, or -1 and ENODEV. */
int block_info(int device, struct block_info *info);

/*
 * Move `count` blocks from `block` on, or make what was written durable, and block the thread meanwhile.
 * 0, or -1 and errno: ENODEV, EINVAL (beyond the end), EROFS, ENOSPC (the host has no room), EIO.
 * If one of several blocks fails, the others may have been moved.
 */
int block_read(int device, uint32_t block, void *to, uint32_t count);
int block_write(int device, uint32_t block, const void *from, uint32_t count);
int block_flush(int device);

/* ---- many at once */

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

/* Filled by the caller; it and the buffer belong to the device until the request has ended. */
struct block_request {
  int device;
  enum block_operation operation;
  uint32_t block, count; /* 1..BLOCK_REQUEST_BLOCKS; both 0 for a flush */
  void *buffer;
  /* Called when the request has ended, or NULL. It runs as an interrupt handler (see ilwaco.h), and may
   * submit further requests. */
  void (*done)(struct block_request *request);
  void *context; /* the caller's */

  /* Once it has ended: 0 or an errno. */
  int error;
  /* 1 from block_submit until it has ended. */
  volatile int open;

  /* The device's. */
  struct block_request *next;
  void *waiters[2];
};

/* 0: it was taken, whatever becomes of it. -1 and ENODEV, EINVAL or EROFS: it was not. Never blocks.
 * Handler-safe. */
int block_submit(struct block_request *request);

/* Blocks the thread until a submitted request has ended: 0, or -1 and errno. */
int block_wait(struct block_request *request);

#ifdef __cplusplus
}
#endif

#endif
