/**
 * The memory of one VM: what its 4 KiB pages hold, and the checked way into it.
 *
 * A page is one of three: private (in the page map), part of the image (a frame of the image, shared by
 * all its VMs), or untouched (the shared zero frame). The first write to a page that is not private gives
 * it a frame of its own; the pager (kernel/pager.ts) may take the frame away again and keep the bytes in
 * the VM's swap region. That is the truth; `readTable` and `writeTable` cache it and may vanish between
 * runs (kernel/soft_tlb.ts).
 *
 * A page is in `writeTable` only if its frame is private to this VM, no engine holds code from it, and
 * swap has no valid copy of it.
 * All memory is readable, writable and executable for the guest: the segment flags of an image are
 * not enforced, because a VM that overwrites its own text hurts only itself (it gets a copy).
 *
 * Rules for callers:
 * - Nothing here throws for an address that a guest chose. Accessors return how many bytes they could
 *   reach; fewer than asked means that the byte behind them is the first that could not.
 * - If that was because a page is not in memory or has no frame, and not because the address is wrong,
 *   `wanted` names the page. Who asks what is wanted sets it to NOTHING first and reads it at once.
 * - Everything that takes a page away (kernel/evictor.ts, discard) does so between runs.
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
import { LAYOUT } from "./abi.ts";
import { type FrameTable, ZERO_FRAME } from "./frames.ts";
import type { Image } from "./image.ts";
import { ABSENT, PageMap } from "./page_map.ts";
import { EMPTY_TABLE, type SoftTlbHolder } from "./soft_tlb.ts";
import type { SwapRegion } from "./swap_space.ts";
import { emptyTables, fillTables } from "./table_notes.ts";

/** The value of Memory.wanted if no page is. */
export const NOTHING = -1;
/** Bytes that are copied one by one: `set` wants a view, which costs more than these. */
const BY_HAND = 512;
const REGISTERS_PAGE = LAYOUT.REGISTERS_BASE.value / PAGE_SIZE;
/** Set in the slot of a page whose bytes are on their way into it. */
export const UNDER_WAY = 1 << 30;

export class Memory implements AddressSpace, SoftTlbHolder {
  readTable: Int32Array = EMPTY_TABLE;
  writeTable: Int32Array = EMPTY_TABLE;
  tlbOlder: SoftTlbHolder | null = null;
  tlbNewer: SoftTlbHolder | null = null;
  tlbNoted = false;
  /** The page for which there was no frame, or whose bytes are in swap; or NOTHING. */
  wanted = NOTHING;
  /** Pages of the VM, mapped or not. */
  readonly pages: number;
  /** The pages of its own. Others than this file and the pager's only read it. */
  readonly map = new PageMap();
  /** Pages of its own that are in memory. */
  resident = 0;
  /** Its slots of the swap device, if there is one. */
  region: SwapRegion | null = null;
  /** Where the pager's hand is in the map. */
  hand = 0;
  /** Transfers of its pages that have not ended. */
  transfers = 0;
  /** Bytes of a first page for which there was no frame yet (the rest of it is 0), or null. */
  pending: Uint8Array | null = null;
  /** It has given back its frames. */
  released = false;
  /** The table for reading has pages that are neither its own nor the image's. */
  strayed = false;

  constructor(
    readonly frames: FrameTable,
    readonly image: Image,
    /** Bytes, a multiple of the page size. */
    readonly size: number,
  ) {
    this.pages = size >>> PAGE_SHIFT;
  }

  /** Pages of its own that are in swap only. */
  get swapped(): number {
    return this.map.size - this.resident;
  }

  /** Bytes of the page map and of the books of its swap region. */
  get mapBytes(): number {
    return this.map.bytes + (this.region?.bytes ?? 0);
  }

  /** The frame of a page of its own that is in memory, or ABSENT. */
  frame(page: number): number {
    const place = this.map.find(page);
    return place < 0 ? ABSENT : this.map.frame(place);
  }

  tlbSupplied(): void {
    fillTables(this);
    this.strayed = false;
  }

  tlbTaken(): void {
    emptyTables(this);
  }

  resolve(page: number, write: boolean): number {
    if (page <= 0 || page >= this.pages) return RESOLVE_FAULT;
    return write ? this.#resolveWrite(page) : this.#resolveRead(page);
  }

  #resolveRead(page: number): number {
    const place = this.map.find(page);
    const frame = place < 0 ? this.image.frame(page) : this.map.frame(place);
    if (frame === ABSENT) return this.#wait(page);
    if (place < 0 && frame === ZERO_FRAME) this.strayed = true;
    const entry = frame | PRESENT;
    if (page < this.readTable.length) this.readTable[page] = entry;
    return entry;
  }

  #resolveWrite(page: number): number {
    const place = this.map.find(page);
    let frame: number;
    if (place < 0) {
      frame = this.#copy(this.image.frame(page));
      if (frame < 0) return this.#wait(page);
      this.map.setFrame(this.map.add(page), frame);
      this.resident++;
    } else {
      frame = this.map.frame(place);
      if (frame === ABSENT) return this.#wait(page);
      this.touch(place);
      if (this.frames.references(frame) > 1) {
        const shared = frame;
        frame = this.#copy(shared);
        if (frame < 0) return this.#wait(page);
        this.frames.release(shared);
        this.map.setFrame(place, frame);
      } else {
        this.frames.dropCode(frame);
      }
    }
    const entry = frame | PRESENT;
    if (page < this.readTable.length) {
      this.readTable[page] = entry;
      this.writeTable[page] = entry;
    }
    return entry;
  }

  /** Gives a page that has none a frame with these bytes and zeros behind them; ABSENT: none is free. */
  adopt(page: number, bytes: Uint8Array): number {
    const frame = this.frames.allocate();
    if (frame < 0) return ABSENT;
    const { u8 } = this.frames.pool;
    u8.set(bytes, frame);
    u8.fill(0, frame + bytes.length, frame + PAGE_SIZE);
    this.map.setFrame(this.map.add(page), frame);
    this.resident++;
    return frame;
  }

  #wait(page: number): typeof RESOLVE_WAIT {
    this.wanted = page;
    return RESOLVE_WAIT;
  }

  /** The bytes of the page at a place of the map are about to change: swap's copy is worth nothing. */
  touch(place: number): void {
    const slot = this.map.slot(place);
    if (slot === ABSENT) return;
    this.map.setSlot(place, ABSENT);
    // A slot that is being written is freed when that has ended.
    if ((slot & UNDER_WAY) === 0) this.region!.free(slot);
  }

  /** True if a page is in a table: it was used since it was taken out last. */
  isMapped(page: number): boolean {
    return page < this.readTable.length && (this.readTable[page] | this.writeTable[page]) !== 0;
  }

  /** Takes a page out of the tables; true if it was in one. */
  unmap(page: number): boolean {
    if (!this.isMapped(page)) return false;
    this.readTable[page] = 0;
    this.writeTable[page] = 0;
    return true;
  }

  /**
   * The guest does not need what the page holds: gives back its frame and its slot, and it reads as zeros.
   * Leaves pages of the image, the registers, and what others work with. False: it was left.
   */
  discard(page: number): boolean {
    if (page <= REGISTERS_PAGE || page >= this.pages) return false;
    const place = this.map.find(page);
    if (place < 0 || this.image.frame(page) !== ZERO_FRAME) return false;
    const slot = this.map.slot(place), frame = this.map.frame(place);
    if (slot !== ABSENT && (slot & UNDER_WAY) !== 0) return false;
    // It may be coming in: a VM that was paused and resumed meanwhile does not wait for that.
    if (frame === ABSENT && this.transfers > 0) return false;
    if (frame !== ABSENT) {
      if (this.frames.references(frame) > 1) return false;
      this.unmap(page);
      this.frames.release(frame);
      this.resident--;
    }
    this.touch(place);
    this.map.remove(place);
    return true;
  }

  #copy(source: number): number {
    const frame = this.frames.mayTake(this.resident) ? this.frames.allocate() : -1;
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
      if (count > BY_HAND) target.set(u8.subarray(start, start + count), offset + done);
      else for (let i = 0; i < count; i++) target[offset + done + i] = u8[start + i];
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
      if (count > BY_HAND) {
        u8.set(source.subarray(offset + done, offset + done + count), start);
      } else {
        for (let i = 0; i < count; i++) u8[start + i] = source[offset + done + i];
      }
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
    const { map } = this;
    for (let place = 0; place < map.places; place++) {
      if (map.page(place) !== 0 && map.frame(place) !== ABSENT) {
        this.frames.release(map.frame(place));
      }
    }
    map.clear();
    this.pending = null;
    this.resident = 0;
    this.released = true;
    if (this.transfers === 0) this.releaseRegion();
  }

  /** Gives back its slots, once nothing is on its way to or from them. */
  releaseRegion(): void {
    this.region?.space.release(this.region);
    this.region = null;
  }

  #byte(address: number): number {
    const entry = this.#entry(address >>> PAGE_SHIFT, false);
    return this.frames.pool.u8[(entry & ~PAGE_MASK) + (address & PAGE_MASK)];
  }

  #entry(page: number, write: boolean): number {
    return (write ? this.writeTable[page] : this.readTable[page]) || this.resolve(page, write);
  }
}
