/*
 * The log store (ilwaco/store) on disks that somebody has made up: store_forge ROUNDS SEED
 *
 * Superblocks and records have numbers at random, mostly such as stand at some border, under checksums that
 * hold, so that all checks behind those are reached. A disk is opened or refused; from one that was opened all
 * is read, and what is appended and flushed stands behind that when it is opened again. The disk checks
 * that no block beyond its end, or before the log, is asked for, and the sanitizers the rest.
 * Exits with 0, or prints what was wrong and the seed that shows it.
 */
#include <denali/block.h>
#include <denali/store.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 24, RECORDS = 4096, SUPER_BYTES = 36, HEAD_BYTES = 24 };

static uint8_t disk[BLOCKS][BLOCK_BYTES];
static uint32_t chance_state;
static uint32_t chance(uint32_t range) {
  chance_state = chance_state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)chance_state * range >> 32);
}

int block_info(int device, struct block_info *info) {
  *info = (struct block_info){.name = "disk", .blocks = BLOCKS, .read_only = device};
  return 0;
}

static void check(uint32_t block, uint32_t count) {
  if (!count || block >= BLOCKS || count > BLOCKS - block) abort();
}

int block_read(int device, uint32_t block, void *to, uint32_t count) {
  (void)device;
  check(block, count);
  memcpy(to, disk[block], (size_t)count * BLOCK_BYTES);
  return 0;
}

int block_write(int device, uint32_t block, const void *from, uint32_t count) {
  check(block, count);
  if (device) abort(); /* it is read-only */
  memcpy(disk[block], from, (size_t)count * BLOCK_BYTES);
  return 0;
}

int block_flush(int device) {
  if (device) abort();
  return 0;
}

/* --- what is made up */

static uint32_t newest; /* epoch of a record */

static void put(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }

static uint32_t odd(uint32_t usual) {
  static const uint32_t borders[] = {0, 1, 2, 3, 7, 8, 9, BLOCKS, BLOCKS + 1, 0x7fffffff, 0x80000000,
                                     0xfffffff0, 0xfffffffe, 0xffffffff};
  if (chance(4)) return usual;
  return chance(3) ? borders[chance(sizeof borders / sizeof *borders)] : chance_state;
}

static void forge_super(uint8_t *at, uint32_t epoch, uint32_t first_epoch, uint32_t area) {
  memcpy(at, "DNLSTOR1", 8);
  put(at + 8, odd(BLOCKS - chance(3)));
  put(at + 12, odd(area));
  put(at + 16, odd(epoch));
  put(at + 20, odd(first_epoch));
  put(at + 24, odd(7));
  put(at + 28, odd(0));
  put(at + 32, store_crc(0, at, SUPER_BYTES - 4));
}

/* Records one after the other, sometimes at the next block, until one does not fit. */
static void forge_records(uint8_t *area, uint32_t bytes, uint32_t epoch) {
  uint32_t at = 0, sequence = 7;
  while (chance(30) && at + HEAD_BYTES <= bytes) {
    uint32_t room = bytes - at - HEAD_BYTES, length = chance(8) ? chance(200) : chance(room + 1);
    uint8_t *head = area + at;
    if (chance(10) == 0) length = room;
    uint32_t whole = length <= room ? length : room;
    put(head + 4, chance(12) ? length : odd(room + chance(9)));
    uint32_t own = odd(epoch);
    if (own > newest) newest = own;
    put(head + 8, own);
    put(head + 12, chance(40) ? sequence : odd(sequence));
    put(head + 16, 0);
    for (uint32_t i = 0; i < whole; i++) head[HEAD_BYTES + i] = (uint8_t)(chance_state + i);
    put(head + 20, store_crc(0, head + HEAD_BYTES, whole));
    put(head, store_crc(0, head + 4, HEAD_BYTES - 4));
    at += (HEAD_BYTES + whole + 7) / 8 * 8;
    if (chance(5) == 0) at = (at + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    epoch += chance(3) == 0;
    sequence++;
  }
}

static void forge(void) {
  uint32_t epoch = chance(3) ? 1 + chance(20) : 0xfffffff8 + chance(8), first = epoch - chance(4);
  uint32_t area_blocks = (BLOCKS - 2) / 2;
  for (size_t i = 0; i < sizeof disk; i++) ((uint8_t *)disk)[i] = chance(2) ? 0 : (uint8_t)i;
  memset(disk, 0, chance(2) ? sizeof disk : 2 * BLOCK_BYTES);
  for (uint32_t i = 0; i < 2; i++) {
    if (chance(4)) forge_super(disk[i], epoch + i - chance(2), first, chance(2));
    forge_records(disk[2 + i * area_blocks], area_blocks * BLOCK_BYTES, first);
  }
}

/* --- what is read of it */

struct log {
  uint32_t count, crc[RECORDS];
};

static int read_one(void *context, const void *record, size_t length) {
  struct log *log = context;
  if (log->count == RECORDS) return EFBIG;
  log->crc[log->count++] = store_crc(0, record, length);
  return 0;
}

static void wrong(uint32_t seed, const char *what, const struct log *expected, const struct log *got) {
  printf("seed %u: %s: expected %u records, got %u, errno %d\n", seed, what, expected->count, got->count,
         errno);
  exit(1);
}

static int append(struct store *store, struct log *log) {
  static uint8_t bytes[9000];
  struct iovec piece = {bytes, chance(4) ? chance(100) : chance(sizeof bytes)};
  memset(bytes, (int)chance(256), piece.iov_len);
  if (store_append(store, &piece, 1) < 0) return errno;
  log->crc[log->count++] = store_crc(0, bytes, piece.iov_len);
  return 0;
}

static struct log *emitted;
static int emit(struct store *store, void *context) {
  (void)context;
  for (int i = 0; i < 5; i++) {
    int error = append(store, emitted);
    if (error) return error;
  }
  return 0;
}

/* 1: it was opened. */
static int round_of(uint32_t seed) {
  static struct log log, again;
  chance_state = seed * 2654435761u;
  log.count = again.count = newest = 0;
  forge();
  int read_only = chance(4) == 0;
  struct store *store = store_open(read_only, read_one, &log);
  if (!store) return 0;
  struct store_info info;
  store_info(store, &info);
  for (int i = 0; !read_only && i < 200 && log.count < RECORDS / 2; i++) {
    int error = append(store, &log);
    if (error == ENOSPC || (!error && chance(50) == 0)) {
      static struct log other;
      emitted = &other;
      other.count = 0;
      if (store_compact(store, emit, NULL) == 0) log = other;
      else if (errno != ENOSPC && errno != EOVERFLOW) wrong(seed, "compacting", &log, &other);
      else break;
    } else if (error && error != EMSGSIZE) {
      wrong(seed, "appending", &log, &again);
    }
  }
  if (store_flush(store) < 0) wrong(seed, "flushing", &log, &again);
  store_close(store);
  store = store_open(1, read_one, &again);
  /* A record of an epoch that is still to come is believed when that has come. */
  int same = again.count == log.count && memcmp(again.crc, log.crc, log.count * 4) == 0;
  if (!store || (!same && (read_only || newest < info.epoch))) {
    wrong(seed, "opened again", &log, &again);
  }
  store_close(store);
  return 1;
}

int main(int argc, char **argv) {
  uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 100, seed = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
  uint32_t opened = 0;
  if (store_crc(store_crc(0, "1234", 4), "56789", 5) != 0xe3069283) { /* RFC 3720's, in two pieces */
    printf("the check value of CRC-32C is another one\n");
    return 1;
  }
  for (uint32_t i = 0; i < rounds; i++) opened += (uint32_t)round_of(seed + i);
  printf("ok: %u of %u disks from seed %u were logs\n", opened, rounds, seed);
  return opened ? 0 : 1;
}
