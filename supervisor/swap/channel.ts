/**
 * What a cell and its swap worker share: two rings, a staging area for the bytes, and status words.
 *
 * A cell has no permission and runs guests, so it owns no file; the swap worker owns nothing but the
 * folder with this cell's file, and runs no guest. The cell copies what is to be written into a place of
 * the staging area, of one cluster each, and describes it in a record; the worker moves it and answers
 * with a record of its own. What is read goes the other way by the same places.
 *
 * Request: kind SWAP_READ or SWAP_WRITE, subject = place, payload = slot numbers, one int32 each, ascending.
 * Answer: kind = status (kernel/swap_device.ts), subject = place, payload = UTF-8: what went wrong.
 *
 * The worker does not trust the cell: it checks every number. A cell can only reach its own file.
 */

import { createRing } from "../../devices/ring.ts";

export const SWAP_READ = 1, SWAP_WRITE = 2;

export const PAGE_BYTES = 4096;
/** Bounds of a cluster, bytes. */
export const CLUSTER_MINIMUM = 4096, CLUSTER_MAXIMUM = 256 * 1024, CLUSTER_DEFAULT = 64 * 1024;

/** Bytes of swap of a cell; only what is written takes room on the disk. */
export const SWAP_DEFAULT = 2 ** 40;

/** The staging area is about so large, within these numbers of places. */
const STAGING_BYTES = 2 * 2 ** 20, PLACES_MINIMUM = 8, PLACES_MAXIMUM = 64;
const RING_BYTES = 64 * 1024;

// Status words. A bell is a Doorbell and takes two words.
/** Rung by the cell: requests. */
export const SWAP_BELL = 0;
/** Not 0: the worker ends. */
export const SWAP_STOP = 2;
/** Not 0: the cell has something for a worker, which is started then. */
export const SWAP_WANTED = 3;
const STATUS_BYTES = 64;

export interface SwapChannel {
  readonly requests: SharedArrayBuffer;
  readonly answers: SharedArrayBuffer;
  /** `places` clusters. */
  readonly staging: SharedArrayBuffer;
  readonly status: SharedArrayBuffer;
  readonly clusterBytes: number;
  readonly places: number;
  /** Slots of the file. */
  readonly pages: number;
}

export function createSwapChannel(bytes: number, clusterBytes = CLUSTER_DEFAULT): SwapChannel {
  const wanted = Math.floor(STAGING_BYTES / clusterBytes);
  const places = Math.max(PLACES_MINIMUM, Math.min(PLACES_MAXIMUM, wanted));
  return {
    requests: createRing(RING_BYTES),
    answers: createRing(RING_BYTES),
    staging: new SharedArrayBuffer(places * clusterBytes),
    status: new SharedArrayBuffer(STATUS_BYTES),
    clusterBytes,
    places,
    pages: Math.floor(bytes / PAGE_BYTES),
  };
}
