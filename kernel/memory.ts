/**
 * The memory of one VM: what its 4 KiB pages hold, and the checked way into it.
 *
 * A page is one of three: private (a frame in the page map), part of the image (a frame of the image,
 * shared by all its VMs), or untouched (the shared zero frame). The first write to a page that
 * is not private gives it a frame of its own. That is the truth; `readTable` and `writeTable` cache it
 * and may vanish between runs (kernel/soft_tlb.ts).
 *
 * A page is in `writeTable` only if its frame is private to this VM and no engine holds code from it.
 * All memory is readable, writable and executable for the guest: the segment flags of an image are
 * not enforced, because a VM that overwrites its own text hurts only itself (it gets a copy).
 *
 * Rules for callers:
 * - Nothing here throws for an address that a guest chose. Accessors return how many bytes they could
 *   reach; fewer than asked means that the byte behind them is the first that could not.
 * - If that was for want of a frame and not because the address is wrong, `starved` is set; whoever
 *   acts on it clears it.
 */

import type { AddressSpace } from "../cpu/engine.ts";
import {
  PAGE_MASK,
  PAGE_SHIFT,
  PAGE_SIZE,
  PRESENT,
  RESOLVE_FAULT,
  RESOLVE_WAIT,
} from "../cpu/engine.ts";
import { type FrameTable, ZERO_FRAME } from "./frames.ts";
import type { Image } from "./image.ts";
import { PageMap } from "./page_map.ts";
import { EMPTY_TABLE, type SoftTlbHolder } from "./soft_tlb.ts";

export class Memory implements AddressSpace, SoftTlbHolder {
  readTable: Int32Array = EMPTY_TABLE;
  writeTable: Int32Array = EMPTY_TABLE;
  tlbOlder: SoftTlbHolder | null = null;
  tlbNewer: SoftTlbHolder | null = null;
  /** A page could not be had because the pool is used up. */
  starved = false;
  /** Pages of the VM, mapped or not. */
  readonly pages: number;
  readonly #map = new PageMap();

  constructor(
    readonly frames: FrameTable,
    readonly image: Image,
    /** Bytes, a multiple of the page size. */
    readonly size: number,
  ) {
    this.pages = size >>> PAGE_SHIFT;
  }

  /** Frames that belong to this VM alone. */
  get privateFrames(): number {
    return this.#map.size;
  }

  /** Bytes of the page map. */
  get mapBytes(): number {
    return this.#map.bytes;
  }

  resolve(page: number, write: boolean): number {
    if (page <= 0 || page >= this.pages) return RESOLVE_FAULT;
    return write ? this.#resolveWrite(page) : this.#resolveRead(page);
  }

  #resolveRead(page: number): number {
    const own = this.#map.get(page);
    const entry = (own >= 0 ? own : this.image.frame(page)) | PRESENT;
    if (page < this.readTable.length) this.readTable[page] = entry;
    return entry;
  }

  #resolveWrite(page: number): number {
    const own = this.#map.get(page);
    let frame = own;
    if (own < 0 || this.frames.references(own) > 1) {
      frame = this.#copy(own >= 0 ? own : this.image.frame(page));
      if (frame < 0) {
        this.starved = true;
        return RESOLVE_WAIT;
      }
      if (own >= 0) this.frames.release(own);
      this.#map.set(page, frame);
    } else {
      this.frames.dropCode(frame);
    }
    const entry = frame | PRESENT;
    if (page < this.readTable.length) {
      this.readTable[page] = entry;
      this.writeTable[page] = entry;
    }
    return entry;
  }

  #copy(source: number): number {
    const frame = this.frames.mayTake(this.#map.size) ? this.frames.allocate() : -1;
    if (frame < 0) return -1;
    const { u8 } = this.frames.pool;
    if (source === ZERO_FRAME) u8.fill(0, frame, frame + PAGE_SIZE);
    else u8.copyWithin(frame, source, source + PAGE_SIZE);
    return frame;
  }

  protectCode(page: number): void {
    const entry = this.readTable[page] || this.resolve(page, false);
    if (entry <= 0) return;
    this.frames.markCode(entry & ~PAGE_MASK);
    if (page < this.writeTable.length) this.writeTable[page] = 0;
  }

  /** How many of `length` bytes from `address` (uint32) can be read or written. */
  probe(address: number, length: number, write: boolean): number {
    let page = Math.floor(address / PAGE_SIZE);
    let reached = 0;
    let room = PAGE_SIZE - (address & PAGE_MASK);
    while (reached < length) {
      if (this.#entry(page, write) <= 0) return reached;
      reached += room;
      room = PAGE_SIZE;
      page++;
    }
    return length;
  }

  /** Copies guest bytes to `target[offset..]`; returns how many could be read. */
  read(address: number, target: Uint8Array, offset: number, length: number): number {
    const { u8 } = this.frames.pool;
    let done = 0;
    while (done < length) {
      const at = address + done;
      const entry = this.#entry(Math.floor(at / PAGE_SIZE), false);
      if (entry <= 0) return done;
      const start = (entry & ~PAGE_MASK) + (at & PAGE_MASK);
      const count = Math.min(length - done, PAGE_SIZE - (at & PAGE_MASK));
      for (let i = 0; i < count; i++) target[offset + done + i] = u8[start + i];
      done += count;
    }
    return done;
  }

  /** Copies `source[offset..]` to the guest; returns how many bytes could be written. */
  write(address: number, source: Uint8Array, offset: number, length: number): number {
    const { u8 } = this.frames.pool;
    let done = 0;
    while (done < length) {
      const at = address + done;
      const entry = this.#entry(Math.floor(at / PAGE_SIZE), true);
      if (entry <= 0) return done;
      const start = (entry & ~PAGE_MASK) + (at & PAGE_MASK);
      const count = Math.min(length - done, PAGE_SIZE - (at & PAGE_MASK));
      for (let i = 0; i < count; i++) u8[start + i] = source[offset + done + i];
      done += count;
    }
    return done;
  }

  /** Reads the int32 at `address` into `target[index]`; false if it cannot be reached. */
  load32(address: number, target: Int32Array, index: number): boolean {
    if (this.probe(address, 4, false) < 4) return false;
    let value = 0;
    for (let i = 3; i >= 0; i--) value = (value << 8) | this.#byte(address + i);
    target[index] = value;
    return true;
  }

  /** Writes an int32; false if it cannot be reached, and then nothing has changed. */
  store32(address: number, value: number): boolean {
    if (this.probe(address, 4, true) < 4) return false;
    const { u8 } = this.frames.pool;
    for (let i = 0; i < 4; i++) {
      const at = address + i;
      const entry = this.#entry(at >>> PAGE_SHIFT, true);
      u8[(entry & ~PAGE_MASK) + (at & PAGE_MASK)] = value >>> (8 * i);
    }
    return true;
  }

  /** Gives back every frame. The memory cannot be used afterwards. */
  release(): void {
    this.#map.forEach((_page, frame) => this.frames.release(frame));
    this.#map.clear();
  }

  #byte(address: number): number {
    const entry = this.#entry(address >>> PAGE_SHIFT, false);
    return this.frames.pool.u8[(entry & ~PAGE_MASK) + (address & PAGE_MASK)];
  }

  #entry(page: number, write: boolean): number {
    return (write ? this.writeTable[page] : this.readTable[page]) || this.resolve(page, write);
  }
}
