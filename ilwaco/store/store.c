/* Opening, appending and flushing; see denali/store.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int fail(int error) {
  errno = error;
  return -1;
}

static uint64_t round_up(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

/* The next record begins a block of its own: nothing before it is written again. */
static void begin_block(struct store *store) {
  store->at = round_up(store->at, BLOCK_BYTES);
  store->staged = store->at;
  memset(store->stage, 0, STAGE_BYTES);
}

static int start(struct store *store, uint32_t blocks, store_reader reader, void *context) {
  int error = store_read_super(store, blocks);
  if (error) return error;
  store->area_blocks = (store->super.blocks - SUPERBLOCKS) / 2;
  store->area = store->super.area;
  store->sequence = (uint64_t)store->super.sequence_high << 32 | store->super.sequence_low;
  uint32_t first_epoch = store->super.first_epoch;
  uint64_t sequence = store->sequence;
  if (store->super.epoch) {
    error = store_recover(store, reader, context);
    if (error) return error;
  } else {
    first_epoch = 1;
  }
  if (!store->read_only) error = store_write_super(store, store->area, first_epoch, sequence);
  store->epoch = store->super.epoch;
  begin_block(store);
  return error;
}

struct store *store_open(int device, store_reader reader, void *context) {
  struct block_info info;
  if (block_info(device, &info) < 0) return NULL;
  struct store *store = calloc(1, sizeof *store);
  if (store) store->stage = malloc(STAGE_BYTES);
  int error = !store || !store->stage ? ENOMEM : info.blocks < STORE_BLOCKS_MINIMUM ? EINVAL : 0;
  if (!error) {
    store->device = device;
    store->read_only = info.read_only;
    error = start(store, info.blocks, reader, context);
  }
  if (!error) return store;
  store_close(store);
  errno = error;
  return NULL;
}

/* Nobody knows any more what is on the disk. A compaction has not touched the log. */
static int broken(struct store *store, int error) {
  if (!store->compacting) store->error = error;
  return fail(error);
}

/* Writes the blocks that hold staged bytes. Those that are full leave the stage; the last one stays, to
 * be written again, unless `all`: then the log goes on in the next block. */
static int write_stage(struct store *store, int all) {
  uint64_t end = all ? round_up(store->at, BLOCK_BYTES) : store->at / BLOCK_BYTES * BLOCK_BYTES;
  uint32_t count = (uint32_t)((end - store->staged) / BLOCK_BYTES);
  if (!count) return 0;
  uint32_t first = store_area_block(store, store->area) + (uint32_t)(store->staged / BLOCK_BYTES);
  if (block_write(store->device, first, store->stage, count) < 0) return broken(store, errno);
  if (all) {
    store->at = end;
    store->staged = end;
    memset(store->stage, 0, (size_t)count * BLOCK_BYTES);
    return 0;
  }
  size_t rest = (size_t)(store->at - end), written = (size_t)count * BLOCK_BYTES;
  memmove(store->stage, store->stage + written, rest);
  memset(store->stage + rest, 0, STAGE_BYTES - rest);
  store->staged = end;
  return 0;
}

static int stage(struct store *store, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  while (length) {
    size_t used = (size_t)(store->at - store->staged), piece = STAGE_BYTES - used;
    if (piece > length) piece = length;
    memcpy(store->stage + used, at, piece);
    store->at += piece;
    at += piece;
    length -= piece;
    if (used + piece == STAGE_BYTES && write_stage(store, 0) < 0) return -1;
  }
  return 0;
}

int store_append(struct store *store, const struct iovec *pieces, int count) {
  static const uint8_t zeros[RECORD_ALIGN];
  uint64_t length = 0;
  uint32_t payload_crc = 0;
  if (store->read_only) return fail(EROFS);
  if (store->error) return fail(store->error);
  for (int i = 0; i < count; i++) {
    length += pieces[i].iov_len;
    payload_crc = store_crc(payload_crc, pieces[i].iov_base, pieces[i].iov_len);
  }
  uint64_t whole = round_up(RECORD_HEAD + length, RECORD_ALIGN);
  if (length > UINT32_MAX || whole > store_area_bytes(store)) return fail(EMSGSIZE);
  if (whole > store_area_bytes(store) - store->at) return fail(ENOSPC);
  struct store_head head = {.length = (uint32_t)length,
                            .epoch = store->epoch,
                            .sequence_low = (uint32_t)store->sequence,
                            .sequence_high = (uint32_t)(store->sequence >> 32),
                            .payload_crc = payload_crc};
  head.crc = store_crc(0, &head.length, RECORD_HEAD - 4);
  if (stage(store, &head, RECORD_HEAD) < 0) return -1;
  for (int i = 0; i < count; i++) {
    if (stage(store, pieces[i].iov_base, pieces[i].iov_len) < 0) return -1;
  }
  if (stage(store, zeros, (size_t)(whole - RECORD_HEAD - length)) < 0) return -1;
  store->sequence++;
  store->records++;
  return 0;
}

int store_write(struct store *store) {
  if (store->error) return fail(store->error);
  return write_stage(store, 1);
}

int store_flush(struct store *store) {
  if (store_write(store) < 0) return -1;
  if (store->read_only) return 0;
  return block_flush(store->device) < 0 ? broken(store, errno) : 0;
}

int store_compact(struct store *store, int (*emit)(struct store *store, void *context),
                  void *context) {
  if (store->read_only) return fail(EROFS);
  if (store->error) return fail(store->error);
  if (store->super.epoch == UINT32_MAX) return fail(EOVERFLOW);
  if (store_write(store) < 0) return -1;
  struct store former = *store;
  store->compacting = 1;
  store->area ^= 1;
  store->epoch = store->super.epoch + 1; /* of the superblock that will make it the log */
  store->records = 0;
  store->at = 0;
  begin_block(store);
  int error = emit(store, context);
  if (!error && store_flush(store) < 0) error = errno;
  store->compacting = 0;
  if (error) {
    *store = former;
    begin_block(store);
    /* The epoch of what lies in the other area now is never used again. */
    struct super log = former.super;
    uint64_t first = (uint64_t)log.sequence_high << 32 | log.sequence_low;
    int again = store_write_super(store, log.area, log.first_epoch, first);
    store->epoch = store->super.epoch;
    if (again) store->error = again;
    return fail(error);
  }
  error = store_write_super(store, store->area, store->epoch, former.sequence);
  /* Whether the superblock is on the disk is not known: neither log can be appended to. */
  return error ? broken(store, error) : 0;
}

void store_info(const struct store *store, struct store_info *info) {
  *info = (struct store_info){.capacity = store_area_bytes(store),
                              .used = store->at,
                              .records = store->records,
                              .epoch = store->epoch,
                              .error = store->error};
}

void store_close(struct store *store) {
  if (store) free(store->stage);
  free(store);
}
