/**
 * What a cell and the disk worker share: two rings, a staging area for the bytes, and status words.
 *
 * A cell has no permission and runs guests, so it owns no file; the disk worker owns nothing but the
 * folder of disks, and runs no guest. What a cell may name is a handle that the supervisor has opened for
 * this cell; the worker does not trust it and checks every number.
 *
 * Request: kind = DISK_READ, DISK_WRITE or DISK_FLUSH, subject = slot, sequence = handle, payload = three
 * int32: block, count, place (the first of `count` blocks of the staging area).
 * Answer: kind = status (DISK_DONE ... DISK_ABSENT), subject = slot.
 *
 * A slot is free, or has one request under way. Both rings have room for all of them.
 */

import { createRing } from "../../devices/ring.ts";

export const BLOCK_BYTES = 4096;
/** Requests of a cell that may be under way. */
export const SLOTS = 1024;
/** Blocks of the staging area: 4 MiB. */
export const STAGING_BLOCKS = 1024;
/** Numbers in a request's payload. */
export const REQUEST_WORDS = 3;

const RING_BYTES = 64 * 1024;
const STATUS_BYTES = 64;

/** Status word, a Doorbell: rung by the cell. */
export const DISK_BELL = 0;

export interface DiskChannel {
  readonly requests: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
  readonly staging: SharedArrayBuffer;
  readonly status: SharedArrayBuffer;
}

export function createDiskChannel(): DiskChannel {
  return {
    requests: createRing(RING_BYTES),
    answers: createRing(RING_BYTES),
    staging: new SharedArrayBuffer(STAGING_BLOCKS * BLOCK_BYTES),
    status: new SharedArrayBuffer(STATUS_BYTES),
  };
}
