/* Superblocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char magic[8] = {'D', 'N', 'L', 'S', 'T', 'O', 'R', '1'};

static uint32_t crc_of(const struct super *super) {
  return store_crc(0, super, offsetof(struct super, crc));
}

static int is_valid(const struct super *super, uint32_t blocks) {
  return memcmp(super->magic, magic, sizeof magic) == 0 && super->crc == crc_of(super) &&
         super->area < 2 && super->epoch >= super->first_epoch && super->blocks >= STORE_BLOCKS_MINIMUM &&
         super->blocks <= blocks;
}

static int is_blank(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (bytes[i]) return 0;
  }
  return 1;
}

/* `blocks` of the disk. The log of a disk that has grown keeps its size. */
int store_read_super(struct store *store, uint32_t blocks) {
  uint8_t *bytes = store->stage;
  struct super found[SUPERBLOCKS];
  int best = -1;
  if (block_read(store->device, 0, bytes, SUPERBLOCKS) < 0) return errno;
  for (int i = 0; i < SUPERBLOCKS; i++) {
    memcpy(&found[i], bytes + i * BLOCK_BYTES, sizeof found[i]);
    if (!is_valid(&found[i], blocks)) continue;
    if (best < 0 || found[i].epoch > found[best].epoch) best = i;
  }
  if (best >= 0) {
    store->super = found[best];
    return 0;
  }
  if (!is_blank(bytes, SUPERBLOCKS * BLOCK_BYTES)) {
    /* The very first superblock may have been torn: then the other block is still blank, and what there
     * is of this one begins as it should. */
    int torn = is_blank(bytes, BLOCK_BYTES) && memcmp(found[1].magic, magic, sizeof magic) == 0;
    if (!torn) return EMEDIUMTYPE;
  }
  if (store->read_only) return EROFS;
  store->super.blocks = blocks;
  return 0;
}

int store_write_super(struct store *store, uint32_t area, uint32_t first_epoch, uint64_t sequence) {
  static uint8_t block[BLOCK_BYTES];
  if (store->super.epoch == UINT32_MAX) return EOVERFLOW; /* epochs only grow */
  struct super super = {.blocks = store->super.blocks,
                        .area = area,
                        .epoch = store->super.epoch + 1,
                        .first_epoch = first_epoch,
                        .sequence_low = (uint32_t)sequence,
                        .sequence_high = (uint32_t)(sequence >> 32)};
  memcpy(super.magic, magic, sizeof magic);
  super.crc = crc_of(&super);
  memcpy(block, &super, sizeof super);
  if (block_write(store->device, super.epoch % SUPERBLOCKS, block, 1) < 0) return errno;
  if (block_flush(store->device) < 0) return errno;
  store->super = super;
  return 0;
}
