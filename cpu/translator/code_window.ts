/**
 * Decodes instructions of a running VM at linear addresses, through its page table.
 *
 * Only pages that are mapped now are read; nothing is resolved, so looking ahead has no effect on the VM. Every
 * page that an instruction was decoded from is remembered with its frame: code made from them is valid as
 * long as these pages lie in these frames and the frames do not change.
 */

import { decode } from "../decoder.ts";
import { type AddressSpace, PAGE_MASK, PAGE_SIZE, PRESENT } from "../engine.ts";
import type { Instruction } from "../instruction.ts";

/** Bytes of the longest instruction (Intel SDM vol. 2, 2.3.11). */
const LONGEST = 15;

export class CodeWindow {
  /** Frames (byte offsets in the pool) by page number. */
  readonly frames = new Map<number, number>();
  private readonly straddling = new Uint8Array(LONGEST);

  constructor(
    private readonly bytes: Uint8Array,
    private readonly space: Pick<AddressSpace, "readTable">,
    /** At most so many pages are read. */
    private readonly maximumPages: number,
  ) {}

  /** Where the byte at `address` lies in the pool, or -1: not mapped, or one page too many. */
  place(address: number): number {
    const page = address >>> 12;
    const entry = this.space.readTable[page];
    if ((entry & PRESENT) === 0) return -1;
    if (!this.frames.has(page) && this.frames.size >= this.maximumPages) return -1;
    return (entry & ~PAGE_MASK) | (address & PAGE_MASK);
  }

  /** The instruction at `address`, or null: it cannot be read from here. */
  decode(address: number): Instruction | null {
    const place = this.place(address);
    if (place < 0) return null;
    const frame = place & ~PAGE_MASK;
    const instruction = decode(this.bytes, place, frame + PAGE_SIZE) ??
      this.decodeStraddling(address, place);
    if (instruction !== null) this.frames.set(address >>> 12, frame);
    return instruction;
  }

  private decodeStraddling(address: number, place: number): Instruction | null {
    const next = ((address | PAGE_MASK) + 1) | 0;
    const second = this.place(next);
    if (second < 0 || (this.frames.size === 0 && this.maximumPages < 2)) return null;
    const { bytes, straddling } = this;
    const room = PAGE_SIZE - (address & PAGE_MASK);
    straddling.set(bytes.subarray(place, place + room));
    straddling.set(bytes.subarray(second, second + LONGEST - room), room);
    const instruction = decode(straddling, 0, LONGEST);
    if (instruction !== null) this.frames.set(next >>> 12, second & ~PAGE_MASK);
    return instruction;
  }

  /** The 32-bit word at an aligned address of data, or null if it is not mapped. */
  word(address: number): number | null {
    const entry = this.space.readTable[address >>> 12];
    if ((entry & PRESENT) === 0 || (address & 3) !== 0) return null;
    const at = (entry & ~PAGE_MASK) | (address & PAGE_MASK), { bytes } = this;
    return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
  }
}
