/** What the disk worker knows of a cell, and which of its requests it believes. */

import {
  type Doorbell,
  RingCorruption,
  type RingReader,
  type RingWriter,
} from "../../devices/ring.ts";
import { CONSTANTS } from "../../kernel/abi.ts";
import { REQUEST_WORDS, SLOTS, STAGING_BLOCKS } from "./channel.ts";
import type { DiskFile } from "./file.ts";

const READ = CONSTANTS.DISK_READ.value, WRITE = CONSTANTS.DISK_WRITE.value;
const FLUSH = CONSTANTS.DISK_FLUSH.value;

/** How a handle is to be opened. */
export interface OpenOrder {
  readonly cell: number;
  readonly handle: number;
  /** Requests of one VM are served in order. */
  readonly vm: number;
  readonly path: string;
  readonly blocks: number;
  readonly readOnly: boolean;
}

export interface Hold extends OpenOrder {
  readonly file: DiskFile;
  readonly queue: Queue;
  /** Requests that have not been answered. */
  open: number;
  closed?: () => void;
  /** When a trouble was last told, and how many were not told since. */
  toldAt: number;
  untold: number;
}

export interface Request {
  readonly side: CellSide;
  readonly hold: Hold;
  readonly operation: number;
  readonly slot: number;
  readonly block: number;
  readonly count: number;
  readonly place: number;
}

export interface Queue {
  readonly requests: Request[];
  users: number;
}

export interface CellSide {
  readonly number: number;
  readonly requests: RingReader;
  readonly answers: RingWriter;
  readonly staging: Uint8Array;
  readonly bell: Doorbell;
  readonly cellBell: Doorbell;
  readonly holds: Map<number, Hold>;
  readonly queues: Map<number, Queue>;
  /** Slots with a request that has not been answered. */
  readonly busy: Uint8Array;
  gone: boolean;
}

/** Throws a RingCorruption for what no cell of ours asks. `payload` is a copy. */
export function checkRequest(
  side: CellSide,
  operation: number,
  slot: number,
  handle: number,
  payload: Uint8Array<ArrayBuffer>,
): Request {
  const [block, count, place] = payload.length === 4 * REQUEST_WORDS
    ? new Uint32Array(payload.buffer)
    : [-1, -1, -1];
  const hold = side.holds.get(handle);
  const free = slot >= 0 && slot < SLOTS && side.busy[slot] === 0;
  if (free && hold !== undefined && isRight(hold, operation, block, count, place)) {
    return { side, hold, operation, slot, block, count, place };
  }
  throw new RingCorruption(
    `disks: expected a request, got kind ${operation}, slot ${slot}, handle ${handle}, ` +
      `block ${block}, count ${count}, place ${place}`,
  );
}

function isRight(
  hold: Hold,
  operation: number,
  block: number,
  count: number,
  place: number,
): boolean {
  if (operation === FLUSH) return block === 0 && count === 0;
  if (operation !== READ && (operation !== WRITE || hold.readOnly)) return false;
  return count >= 1 && count <= CONSTANTS.DISK_REQUEST_BLOCKS.value &&
    block + count <= hold.blocks && place + count <= STAGING_BLOCKS;
}
