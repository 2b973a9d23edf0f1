/**
 * Decoded basic blocks, shared by every VM that maps the frame they lie in.
 *
 * A block is a run of words in the operand array: a header, then INSTRUCTION_WORDS words for each
 * instruction (see shape.ts), then a pseudo-instruction if the block ends without a branch. It is
 * position independent: offsets count from its first byte, whose linear address EIP holds while it runs.
 *
 * A block lies within one page and belongs to that page's frame. An instruction that goes over into the next
 * page is a block of its own, which belongs to both frames and is only valid while they are mapped next to
 * each other.
 *
 * The array is filled from its start; when it is full, everything is forgotten and it is filled anew.
 */

import { PAGE_MASK } from "./engine.ts";
import { INSTRUCTION_WORDS } from "./shape.ts";

// Words of a block's header.
/** Number of instructions. */
export const BLOCK_COUNT = 0;
/** Frame of the block's first byte. */
export const BLOCK_FRAME = 1;
/** Frame of the second page, or NO_FRAME. */
export const BLOCK_SECOND_FRAME = 2;
/** Words of the block behind its header. */
export const BLOCK_WORDS = 3;
/** How many of them are run: a fused pair stands in the words of its first instruction. */
export const BLOCK_RUN_WORDS = 4;
/** The handler of the first instruction of a fused pair alone (of the last but one in the block), or -1. */
export const BLOCK_UNFUSED = 5;
export const BLOCK_HEADER = 6;

export const NO_FRAME = -1;
export const NO_BLOCK = 0;

/** At most this many instructions in a block. */
export const MAXIMUM_BLOCK = 64;

const FAST_SLOT_BITS = 17;

/** Slots of the table that is tried before the maps. */
export const FAST_SLOTS: number = 1 << FAST_SLOT_BITS;

/**
 * Where in the fast table the block at a pool address is kept. Functions begin at multiples of 16 on pages that
 * follow each other, so that what only combines their bits sends many of them to one slot: Fibonacci hashing
 * (Knuth, The Art of Computer Programming 3, 6.4).
 */
export function fastSlot(place: number): number {
  return Math.imul(place, 0x9e3779b1) >>> (32 - FAST_SLOT_BITS);
}

interface FrameCode {
  /** Blocks by the offset of their first byte in the page. */
  readonly blocks: Map<number, number>;
  /** Pool addresses of blocks of other frames that end in this one. */
  readonly straddlers: number[];
}

export class BlockCache {
  /** Pool address of the first byte of the block in each slot, or -1. */
  readonly fastPlaces: Int32Array = new Int32Array(FAST_SLOTS).fill(-1);
  readonly fastBlocks: Int32Array = new Int32Array(FAST_SLOTS);
  private readonly frames = new Map<number, FrameCode>();
  /** Next free word. Word 0 is never a block, so that NO_BLOCK is 0. */
  private next = 1;

  constructor(private readonly words: Int32Array) {}

  /** The block that starts at a pool address, or NO_BLOCK. */
  find(place: number): number {
    return this.frames.get(place & ~PAGE_MASK)?.blocks.get(place & PAGE_MASK) ?? NO_BLOCK;
  }

  /** Puts a block that lies within one page where the evaluator looks first. */
  remember(place: number, block: number): void {
    const slot = fastSlot(place);
    this.fastPlaces[slot] = place;
    this.fastBlocks[slot] = block;
  }

  /** Room for the largest block; returns its position. May forget everything. */
  begin(): number {
    const largest = BLOCK_HEADER + (MAXIMUM_BLOCK + 1) * INSTRUCTION_WORDS;
    if (this.next + largest > this.words.length) this.clear();
    return this.next;
  }

  /** Keeps the block that was written at `begin()`. */
  commit(place: number): void {
    const { words } = this;
    const block = this.next;
    this.next += BLOCK_HEADER + words[block + BLOCK_WORDS];
    this.frame(place & ~PAGE_MASK).blocks.set(place & PAGE_MASK, block);
    const second = words[block + BLOCK_SECOND_FRAME];
    if (second !== NO_FRAME) this.frame(second).straddlers.push(place);
  }

  private frame(frame: number): FrameCode {
    let code = this.frames.get(frame);
    if (code === undefined) {
      code = { blocks: new Map(), straddlers: [] };
      this.frames.set(frame, code);
    }
    return code;
  }

  /** Forgets what was decoded from a frame. The words stay as they are until `begin` is called. */
  dropFrame(frame: number): boolean {
    const code = this.frames.get(frame);
    if (code === undefined) return false;
    this.frames.delete(frame);
    for (const offset of code.blocks.keys()) {
      const slot = fastSlot(frame | offset);
      if (this.fastPlaces[slot] === (frame | offset)) this.fastPlaces[slot] = -1;
    }
    for (const place of code.straddlers) {
      const blocks = this.frames.get(place & ~PAGE_MASK)?.blocks;
      const block = blocks?.get(place & PAGE_MASK) ?? NO_BLOCK;
      // Another block may have taken its place in the meantime.
      if (block !== NO_BLOCK && this.words[block + BLOCK_SECOND_FRAME] === frame) {
        blocks?.delete(place & PAGE_MASK);
      }
    }
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.frames.clear();
    this.fastPlaces.fill(-1);
    this.next = 1;
  }
}
