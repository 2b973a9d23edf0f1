/*
 * A log of records on a disk that survives any crash: what was flushed is there afterwards, in its
 * order, and what was not is there up to some record or not at all. One thread at a time.
 *
 * The format, version 1. Numbers are little-endian; CRC is CRC-32C (RFC 3720 appendix B.4).
 *
 *   block 0, 1      superblocks. The one with the greater epoch whose CRC holds is valid; the next one is
 *                   written over the other, so that one is always whole.
 *   the rest        two areas of equal size. The superblock names the one that holds the log.
 *
 *   superblock      magic "DNLSTOR1", blocks of the disk (4), area (4: 0 or 1), epoch (4), first epoch of the log
 *                   (4), sequence number of its first record (8), CRC of all before (4)
 *   record          CRC of the next 20 bytes (4), length (4), epoch (4), sequence number (8), CRC of the
 *                   payload (4), the payload, zeros up to a multiple of 8
 *
 * Records follow one another; where one does not, the next begins with the next block. A record is
 * valid if both CRCs hold, its number is the one expected, and its epoch is not less than that of the
 * record before, nor more than the superblock's. The log ends before the first that is not.
 *
 * Why this is enough:
 * - A block with flushed records is never written again: a flush fills its last block with zeros. So
 *   a write that is torn damages nothing that was flushed. It costs at most a block for each flush.
 * - The epoch grows with every start, and durably so before anything is appended. So what a former
 *   life wrote and did not flush, and what an area held before, is never taken for a continuation.
 * - Compaction writes the live records to the other area, flushes, and then writes the superblock, whose
 *   writing is the moment of change; until it is durable the former log is whole.
 */
#ifndef DENALI_STORE_H
#define DENALI_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct store;

enum { STORE_BLOCKS_MINIMUM = 8 };

/* Takes a record of the log, in order; 0 goes on, anything else ends the opening with that errno. */
typedef int (*store_reader)(void *context, const void *record, size_t length);

/*
 * Opens the log of a disk and gives all its records to `reader`. A disk whose first two blocks are zeros
 * is made an empty log. NULL and errno: EINVAL (too small), EMEDIUMTYPE (something else is on it; it is
 * not touched), EROFS (empty and read-only), EOVERFLOW (no epoch is left), ENOMEM, or what the disk or
 * the reader says.
 */
struct store *store_open(int device, store_reader reader, void *context);

/* The record's pieces go to memory, and to the disk when there is much of it. 0, or -1 and errno: ENOSPC (compact),
 * EMSGSIZE (larger than an area), EROFS, or what the disk says: then nothing can be appended any more,
 * as nobody knows what is on it. */
int store_append(struct store *store, const struct iovec *pieces, int count);

/* Hands what was appended to the disk, and, with store_flush, makes it durable. 0, or -1 and errno. */
int store_write(struct store *store);
int store_flush(struct store *store);

/* Writes a new log: `emit` appends what is to be in it by store_append and returns 0, or an errno that
 * gives the attempt up. The former log holds until all is durable, also if this fails: -1 and errno. */
int store_compact(struct store *store, int (*emit)(struct store *store, void *context),
                  void *context);

struct store_info {
  uint64_t capacity, used; /* bytes of an area, and of it the log */
  uint64_t records;        /* in the log */
  uint32_t epoch;
  int error;               /* why nothing can be appended, or 0 */
};
void store_info(const struct store *store, struct store_info *info);

/* Without a flush. */
void store_close(struct store *store);

uint32_t store_crc(uint32_t crc, const void *bytes, size_t length); /* CRC-32C; begin with 0 */

#endif
