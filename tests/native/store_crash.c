/*
 * The log store (ilwaco/store) on a disk that loses power: store_crash ROUNDS SEED
 *
 * The disk is memory. A write goes to a list of those that were not flushed; a crash applies, of each of
 * their blocks, by chance, all, nothing, or some of its sectors of 512 bytes, in any order. After each
 * crash the log must be: all records that were flushed, in their order, and possibly some of those behind
 * them; each as it was written. Other rounds change bits of the disk and only ask that opening ends.
 * Exits with 0, or prints what was wrong and the seed that shows it.
 */
#include <denali/block.h>
#include <denali/store.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 64, PENDING = 4096, LIVES = 8, RECORDS = 20000, SECTOR = 512 };

static uint8_t disk[BLOCKS][BLOCK_BYTES];   /* as it will be after a crash, at least */
static uint8_t cached[BLOCKS][BLOCK_BYTES]; /* as it is read */
static struct pending {
  uint32_t block;
  uint8_t bytes[BLOCK_BYTES];
} pending[PENDING];
static unsigned pendings;
static int countdown; /* operations until the disk fails, with an error and a crash; -1: never */

static uint32_t chance_state;
static uint32_t chance(uint32_t range) {
  chance_state = chance_state * 1664525u + 1013904223u;
  return (chance_state >> 8) % range;
}

int block_info(int device, struct block_info *info) {
  (void)device;
  *info = (struct block_info){.name = "disk", .blocks = BLOCKS};
  return 0;
}

static int fails(void) {
  if (countdown < 0 || countdown-- > 0) return 0;
  countdown = 0;
  errno = EIO;
  return 1;
}

int block_read(int device, uint32_t block, void *to, uint32_t count) {
  (void)device;
  if (block + count > BLOCKS) abort();
  memcpy(to, cached[block], (size_t)count * BLOCK_BYTES);
  return 0;
}

int block_write(int device, uint32_t block, const void *from, uint32_t count) {
  (void)device;
  if (block + count > BLOCKS) abort();
  int failed = fails(); /* what the failed write was about may reach the disk, too */
  for (uint32_t i = 0; i < count; i++) {
    if (pendings == PENDING) abort();
    struct pending *p = &pending[pendings++];
    p->block = block + i;
    memcpy(p->bytes, (const uint8_t *)from + (size_t)i * BLOCK_BYTES, BLOCK_BYTES);
    memcpy(cached[block + i], p->bytes, BLOCK_BYTES);
  }
  return failed ? -1 : 0;
}

int block_flush(int device) {
  (void)device;
  if (fails()) return -1;
  memcpy(disk, cached, sizeof disk);
  pendings = 0;
  return 0;
}

static void crash(void) {
  while (pendings) {
    unsigned i = chance(pendings);
    struct pending *p = &pending[i];
    uint32_t how = chance(4);
    for (uint32_t at = 0; at < BLOCK_BYTES; at += SECTOR) {
      if (how == 0 || (how == 1 && chance(2))) memcpy(disk[p->block] + at, p->bytes + at, SECTOR);
    }
    *p = pending[--pendings];
  }
  memcpy(cached, disk, sizeof disk);
}

/* --- what must be there: the log as a list of numbers; the payload is a function of the number */

static uint32_t model[RECORDS], models, flushed; /* the first `flushed` are durable */
static uint32_t other[RECORDS], others;          /* the log that a compaction under way would leave */
static int switching;
static uint32_t next_number;

/* In some rounds every record fills a block: then what a former life left stands just where the next
 * record of this one would. */
static int uniform;

static uint32_t length_of(uint32_t number) {
  if (uniform) return BLOCK_BYTES - 24;
  uint32_t kind = number * 2654435761u >> 28;
  return 4 + (kind == 0 ? number * 7919 % 9000 : kind < 4 ? number * 31 % 700 : number * 17 % 60);
}

static uint8_t byte_of(uint32_t number, uint32_t at) { return (uint8_t)((number + at) * 2654435761u >> 24); }

static uint32_t got[RECORDS], gots;

static int read_one(void *context, const void *record, size_t length) {
  (void)context;
  const uint8_t *bytes = record;
  uint32_t number;
  if (length < 4) return EBADMSG;
  memcpy(&number, bytes, 4);
  if (length != length_of(number) || gots == RECORDS) return EBADMSG;
  for (uint32_t i = 4; i < length; i++) {
    if (bytes[i] != byte_of(number, i)) return EBADMSG;
  }
  got[gots++] = number;
  return 0;
}

static int append(struct store *store, uint32_t number) {
  static uint8_t bytes[16384];
  uint32_t length = length_of(number), cut = chance(length + 1);
  memcpy(bytes, &number, 4);
  for (uint32_t i = 4; i < length; i++) bytes[i] = byte_of(number, i);
  struct iovec pieces[2] = {{bytes, cut}, {bytes + cut, length - cut}};
  return store_append(store, pieces, 2);
}

static int is_prefix(const uint32_t *list, uint32_t count, uint32_t least) {
  return gots >= least && gots <= count && memcmp(got, list, gots * sizeof *got) == 0;
}

static void wrong(const char *what, uint32_t seed) {
  printf("seed %u: %s: expected %u of %u records (or %u), got %u, errno %d\n", seed, what, flushed,
         models, others, gots, errno);
  exit(1);
}

static int emit(struct store *store, void *context) {
  (void)context;
  for (uint32_t i = 0; i < others; i++) {
    if (append(store, other[i]) < 0) return errno;
    if (chance(200) == 0) return ECANCELED;
  }
  switching = 1; /* from here on the new log may be the one that is found */
  return 0;
}

/* Keeps some of the records. */
static int compact(struct store *store) {
  uint32_t keep = 1 + chance(5);
  others = 0;
  for (uint32_t i = 0; i < models; i++) {
    if (chance(6) < keep && others < 30) other[others++] = model[i];
  }
  switching = 0;
  if (store_compact(store, emit, NULL) < 0) {
    if (errno == EIO) return -1;
    switching = 0;
    return 0;
  }
  memcpy(model, other, others * sizeof *model);
  models = flushed = others;
  switching = 0;
  return 0;
}

/* Until the crash. */
static void live(struct store *store) {
  for (int i = 0; i < 300; i++) {
    uint32_t what = chance(20);
    if (what < 14) {
      int result = append(store, next_number);
      if (result == 0) model[models++] = next_number++;
      else if (errno == ENOSPC) result = compact(store);
      if (result < 0) {
        model[models++] = next_number++; /* it may be there or not */
        return;
      }
    } else if (what < 16) {
      if (store_write(store) < 0) return;
    } else if (what < 19) {
      if (store_flush(store) < 0) return;
      flushed = models;
    } else if (chance(4) == 0 && compact(store) < 0) {
      return;
    }
  }
}

static void round_of(uint32_t seed) {
  chance_state = seed;
  memset(disk, 0, sizeof disk);
  memset(cached, 0, sizeof cached);
  pendings = models = flushed = others = next_number = 0;
  switching = 0;
  uniform = seed % 3 == 0;
  countdown = -1;
  for (int i = 0; i < LIVES; i++) {
    gots = 0;
    countdown = chance(3) ? (int)chance(120) : -1;
    struct store *store = store_open(0, read_one, NULL);
    if (!store && errno != EIO) wrong("opening failed", seed);
    if (store) {
      int old = is_prefix(model, models, flushed), new = switching && is_prefix(other, others, others);
      if (!old && !new) wrong("after a crash", seed);
      memcpy(model, got, gots * sizeof *model);
      models = flushed = gots;
      others = 0;
      switching = 0;
      if (countdown) live(store);
      store_close(store);
    }
    crash();
  }
}

static void damage_of(uint32_t seed) {
  round_of(seed);
  countdown = -1;
  uint32_t flips = 1 + chance(40);
  for (uint32_t i = 0; i < flips; i++) {
    uint32_t block = chance(4) ? chance(BLOCKS) : chance(3), bit = chance(BLOCK_BYTES * 8);
    if (chance(3) == 0) bit = chance(64 * 8);
    disk[block][bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  memcpy(cached, disk, sizeof disk);
  gots = 0;
  struct store *store = store_open(0, read_one, NULL);
  if (store && !is_prefix(model, models, 0) && !(switching && is_prefix(other, others, 0))) {
    /* The older superblock may have named the log of before: all of it is of former records. */
    for (uint32_t i = 0; i < gots; i++) {
      if (got[i] >= next_number) wrong("after damage", seed);
    }
  }
  store_close(store);
}

int main(int argc, char **argv) {
  uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 100, seed = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
  for (uint32_t i = 0; i < rounds; i++) {
    if (i % 4 == 3) damage_of(seed + i);
    else round_of(seed + i);
  }
  printf("ok: %u rounds from seed %u\n", rounds, seed);
  return 0;
}
