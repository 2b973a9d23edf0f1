/* What the files of the store share; the format is told in denali/store.h. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <denali/block.h>
#include <denali/store.h>

enum {
  SUPERBLOCKS = 2,
  STAGE_BLOCKS = 16,
  STAGE_BYTES = STAGE_BLOCKS * BLOCK_BYTES,
  RECORD_HEAD = 24,
  RECORD_ALIGN = 8
};

struct store_head {
  uint32_t crc, length, epoch, sequence_low, sequence_high, payload_crc;
};
_Static_assert(sizeof(struct store_head) == RECORD_HEAD, "as on the disk");

struct super {
  char magic[8];
  uint32_t blocks, area, epoch, first_epoch, sequence_low, sequence_high, crc;
};

struct store {
  int device, read_only, error, compacting;
  uint32_t area_blocks;
  struct super super; /* as on the disk */
  uint32_t area, epoch;
  uint64_t sequence; /* of the next record */
  uint64_t records;
  uint64_t at;     /* bytes from the area's begin: where the next record goes */
  uint64_t staged; /* from here on the log is in `stage`; a multiple of the block size */
  uint8_t *stage;
};

static inline uint32_t store_area_block(const struct store *store, uint32_t area) {
  return SUPERBLOCKS + area * store->area_blocks;
}

static inline uint64_t store_area_bytes(const struct store *store) {
  return (uint64_t)store->area_blocks * BLOCK_BYTES;
}

/* super.c: 0 or an errno. */
int store_read_super(struct store *store, uint32_t blocks);
int store_write_super(struct store *store, uint32_t area, uint32_t first_epoch, uint64_t sequence);

/* recover.c: 0 or an errno; leaves `at`, `sequence` and `records` behind the last valid record. */
int store_recover(struct store *store, store_reader reader, void *context);

#endif
