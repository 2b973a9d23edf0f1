/**
 * The memory of all Ethernet frames that wait in a kernel: fixed slots, one frame each.
 *
 * Slots are made in slabs when they are first needed and are used again, so that a frame costs no
 * allocation and idle queues cost no memory. Frames that are larger than those of a wire (devices/offload.ts)
 * have few and large slots of their own, which are given back when they are not used. The pool has a limit, and a queue may hold only a
 * share of what is free (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
 * Packet Switches", 1998): however many queues are flooded, another one still finds room.
 */

import { readMac } from "./mac.ts";
import { LARGE_FRAME_MAXIMUM } from "./frame.ts";

/** Bytes of a slot: the largest frame (1514), rounded up. */
export const PACKET_SLOT_BYTES = 1536;
const SLAB_SLOTS = 64;
/** Where an Ethernet frame has its source address. */
export const SOURCE_OFFSET = 6;
/** Default limit: 24 MiB of frames. */
export const PACKET_POOL_SLOTS = 16_384;
/** Default limit of large frames: 8 MiB. */
export const PACKET_POOL_LARGE_SLOTS = 128;
/** Large slots that are kept for the next frame. */
const LARGE_SPARES = 8;
/** A queue may hold 1 / 2^SHARE_SHIFT of the slots that are free. */
const SHARE_SHIFT = 2;

export class PacketPool {
  readonly #slabs: Uint8Array[] = [];
  /** Of the slots from `slots` on. */
  readonly #large: (Uint8Array | null)[];
  readonly #spares: Uint8Array[] = [];
  readonly #next: Int32Array;
  readonly #length: Int32Array;
  readonly #offload: Int32Array;
  #freeList = -1;
  #free: number;
  #freeLargeList = -1;
  #freeLarge: number;

  constructor(
    readonly slots: number = PACKET_POOL_SLOTS,
    readonly largeSlots: number = PACKET_POOL_LARGE_SLOTS,
  ) {
    const all = slots + largeSlots;
    this.#next = new Int32Array(all).fill(-1);
    this.#length = new Int32Array(all);
    this.#offload = new Int32Array(all);
    this.#free = slots;
    this.#large = new Array(largeSlots).fill(null);
    this.#freeLarge = 0;
    for (let slot = all - 1; slot >= slots; slot--) this.#releaseLarge(slot);
  }

  /** Slots that hold no frame. */
  get free(): number {
    return this.#free;
  }

  /** Slots for large frames that hold none. */
  get freeLarge(): number {
    return this.#freeLarge;
  }

  /** Slots that hold a frame, of both kinds. */
  get used(): number {
    return this.slots - this.#free + this.largeSlots - this.#freeLarge;
  }

  /** Bytes of memory taken from the host so far. */
  get bytes(): number {
    const large = this.largeSlots - this.#freeLarge + this.#spares.length;
    return this.#slabs.length * SLAB_SLOTS * PACKET_SLOT_BYTES + large * LARGE_FRAME_MAXIMUM;
  }

  /** Most frames that a queue may hold now. */
  get share(): number {
    return this.#free >> SHARE_SHIFT;
  }

  /** Most large frames that a queue may hold now. */
  get largeShare(): number {
    return this.#freeLarge >> SHARE_SHIFT;
  }

  /** Copies a frame into a slot; -1 if none is free. */
  store(frame: Uint8Array, offload: number): number {
    const slot = frame.length > PACKET_SLOT_BYTES ? this.#takeLarge() : this.#take();
    if (slot < 0) return -1;
    this.#next[slot] = -1;
    this.#length[slot] = frame.length;
    this.#offload[slot] = offload;
    this.#memory(slot).set(frame, this.#start(slot));
    return slot;
  }

  /** The frame in a slot, until it is released. */
  frame(slot: number): Uint8Array {
    const start = this.#start(slot);
    return this.#memory(slot).subarray(start, start + this.#length[slot]);
  }

  offload(slot: number): number {
    return this.#offload[slot];
  }

  isLarge(slot: number): boolean {
    return slot >= this.slots;
  }

  /** The source MAC address of the frame in a slot, as an integer below 2^48. */
  source(slot: number): number {
    return readMac(this.#memory(slot), this.#start(slot) + SOURCE_OFFSET);
  }

  release(slot: number): void {
    if (slot >= this.slots) {
      const memory = this.#large[slot - this.slots]!;
      this.#large[slot - this.slots] = null;
      if (this.#spares.length < LARGE_SPARES) this.#spares.push(memory);
      this.#releaseLarge(slot);
      return;
    }
    this.#next[slot] = this.#freeList;
    this.#freeList = slot;
    this.#free++;
  }

  /** The slot behind this one in its queue, or -1. */
  following(slot: number): number {
    return this.#next[slot];
  }

  /** Puts `slot` behind `last` in a queue. */
  link(last: number, slot: number): void {
    this.#next[last] = slot;
  }

  #memory(slot: number): Uint8Array {
    return slot < this.slots ? this.#slabs[slot >> 6] : this.#large[slot - this.slots]!;
  }

  #start(slot: number): number {
    return slot < this.slots ? (slot & (SLAB_SLOTS - 1)) * PACKET_SLOT_BYTES : 0;
  }

  #take(): number {
    if (this.#freeList < 0 && !this.#addSlab()) return -1;
    const slot = this.#freeList;
    this.#freeList = this.#next[slot];
    this.#free--;
    return slot;
  }

  #takeLarge(): number {
    const slot = this.#freeLargeList;
    if (slot < 0) return -1;
    this.#freeLargeList = this.#next[slot];
    this.#freeLarge--;
    this.#large[slot - this.slots] = this.#spares.pop() ?? new Uint8Array(LARGE_FRAME_MAXIMUM);
    return slot;
  }

  #releaseLarge(slot: number): void {
    this.#next[slot] = this.#freeLargeList;
    this.#freeLargeList = slot;
    this.#freeLarge++;
  }

  #addSlab(): boolean {
    const first = this.#slabs.length * SLAB_SLOTS;
    const end = Math.min(first + SLAB_SLOTS, this.slots);
    if (first >= end) return false;
    this.#slabs.push(new Uint8Array(SLAB_SLOTS * PACKET_SLOT_BYTES));
    for (let slot = end - 1; slot >= first; slot--) {
      this.#next[slot] = this.#freeList;
      this.#freeList = slot;
    }
    return true;
  }
}
