/**
 * The cell's pool of memory, cut into frames of 4 KiB.
 *
 * A frame is named by its byte offset in the pool, the number that page tables hold, so that no
 * conversion stands between a table entry and the byte. Frame 0 is the shared zero frame: every page
 * that was never written reads it, nothing ever writes it, and it is never free.
 *
 * Rules for callers:
 * - `allocate` gives a frame with one reference and unspecified contents; -1 means that none is
 *   free, which is an answer and not an error. It never scans.
 * - The last `release` frees the frame. Code cached from it is dropped first.
 * - A frame with more than one reference is never written.
 *
 * Free frames form a list through `#next`; frames that were never used lie above `#fresh`, so that
 * making a pool of 2 GiB touches none of it.
 */

import type { CodeCache, Pool } from "../cpu/engine.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "../cpu/engine.ts";
import { KernelBug } from "./errors.ts";

/** Largest pool: every byte index stays a positive int32, also a little beyond the end of a page. */
export const POOL_MAXIMUM = 2 ** 31 - 64 * 1024;

/** Byte offset of the frame that is all zero. */
export const ZERO_FRAME = 0;

/** See FrameTable.mayTake: an eighth of the pool is kept for VMs with less than 1 MiB. */
const HELD_SHIFT = 3;
export const SMALL_HOLDING = 256;

/** Lays the views of a Pool over a buffer. */
export function createPool(bytes: number, memory?: ArrayBuffer | SharedArrayBuffer): Pool {
  if (!Number.isInteger(bytes) || bytes % PAGE_SIZE !== 0 || bytes < 16 * PAGE_SIZE) {
    throw new RangeError(
      `poolBytes: expected a multiple of ${PAGE_SIZE} of at least ${16 * PAGE_SIZE}, got ${bytes}`,
    );
  }
  if (bytes > POOL_MAXIMUM) {
    throw new RangeError(`poolBytes: expected at most ${POOL_MAXIMUM}, got ${bytes}`);
  }
  const buffer = memory ?? new ArrayBuffer(bytes);
  if (buffer.byteLength < bytes) {
    throw new RangeError(
      `memory: expected at least poolBytes = ${bytes} bytes, got ${buffer.byteLength}`,
    );
  }
  return {
    u8: new Uint8Array(buffer, 0, bytes),
    u16: new Uint16Array(buffer, 0, bytes >>> 1),
    i32: new Int32Array(buffer, 0, bytes >>> 2),
    f32: new Float32Array(buffer, 0, bytes >>> 2),
    view: new DataView(buffer, 0, bytes),
  };
}

export class FrameTable {
  /** Number of frames in the pool, the zero frame included. */
  readonly total: number;
  /** What drops cached code; set by the kernel once the engine exists. */
  codeCache: CodeCache = { dropFrame: () => {} };

  readonly #references: Int32Array;
  readonly #holdsCode: Uint8Array;
  readonly #next: Int32Array;
  #freeList = -1;
  #fresh = 1;
  #free: number;

  constructor(readonly pool: Pool) {
    this.total = pool.u8.length >>> PAGE_SHIFT;
    this.#references = new Int32Array(this.total);
    this.#holdsCode = new Uint8Array(this.total);
    this.#next = new Int32Array(this.total);
    this.#references[0] = 1;
    this.#free = this.total - 1;
    pool.u8.fill(0, 0, PAGE_SIZE);
  }

  /** Frames that `allocate` can still give. */
  get free(): number {
    return this.#free;
  }

  /**
   * True if a VM that holds so many frames may have one more. The last `held` frames are kept for
   * VMs that hold less than SMALL_HOLDING, so that one which fills its memory does not stop those which
   * need little.
   */
  mayTake(holding: number): boolean {
    return holding < SMALL_HOLDING || this.#free > this.held;
  }

  /** Frames that are kept for small VMs: 1 / 2^HELD_SHIFT of the pool. */
  get held(): number {
    return this.total >>> HELD_SHIFT;
  }

  allocate(): number {
    let index = this.#freeList;
    if (index >= 0) {
      this.#freeList = this.#next[index];
    } else if (this.#fresh < this.total) {
      index = this.#fresh++;
    } else {
      return -1;
    }
    this.#free--;
    this.#references[index] = 1;
    return index << PAGE_SHIFT;
  }

  share(frame: number): void {
    const index = this.#used(frame);
    this.#references[index]++;
  }

  release(frame: number): void {
    const index = this.#used(frame);
    if (index === 0) throw new KernelBug("the zero frame was released");
    if (--this.#references[index] > 0) return;
    this.dropCode(frame);
    this.#next[index] = this.#freeList;
    this.#freeList = index;
    this.#free++;
  }

  references(frame: number): number {
    return this.#references[frame >>> PAGE_SHIFT];
  }

  /** The engine holds code decoded from this frame. */
  markCode(frame: number): void {
    this.#holdsCode[frame >>> PAGE_SHIFT] = 1;
  }

  holdsCode(frame: number): boolean {
    return this.#holdsCode[frame >>> PAGE_SHIFT] !== 0;
  }

  /** To be called before the bytes of a frame change. */
  dropCode(frame: number): void {
    const index = frame >>> PAGE_SHIFT;
    if (this.#holdsCode[index] === 0) return;
    this.#holdsCode[index] = 0;
    this.codeCache.dropFrame(frame);
  }

  #used(frame: number): number {
    const index = frame >>> PAGE_SHIFT;
    if (this.#references[index] > 0) return index;
    throw new KernelBug(`frame 0x${frame.toString(16)} is used but has no reference`);
  }
}
