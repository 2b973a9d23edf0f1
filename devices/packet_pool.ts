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
const SOURCE_OFFSET = 6;
/** Default limit: 24 MiB of frames. */
export const PACKET_POOL_SLOTS = 16_384;
/** Default limit of large frames: 8 MiB. */
export const PACKET_POOL_LARGE_SLOTS = 128;
/** Large slots that are kept for the next frame. */
const LARGE_SPARES = 8;
/** Most large frames of a queue: half a MiB, twice what a connection has under way. */
export const LARGE_QUEUE_FRAMES = 8;
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

/** Scratch of PacketQueue: the senders in a queue, and how many frames each has there. */
const senders: number[] = [];
const counts: number[] = [];

/** A bounded first-in first-out queue of frames. */
export class PacketQueue {
  #head = -1;
  #tail = -1;
  #size = 0;
  /** Of them, how many are large. */
  #large = 0;

  constructor(readonly pool: PacketPool, readonly limit: number) {}

  /** Frames that wait. */
  get size(): number {
    return this.#size;
  }

  /** Whether it may hold another frame; the pool may still be used up. */
  get hasRoom(): boolean {
    return this.#size < this.limit && this.#size <= this.pool.share;
  }

  get #hasLargeRoom(): boolean {
    return this.#large < LARGE_QUEUE_FRAMES && this.#large <= this.pool.largeShare;
  }

  /** Copies a frame to the end; false if the queue or the pool has no room. */
  push(frame: Uint8Array, offload = 0): boolean {
    if (!this.hasRoom) return false;
    if (frame.length > PACKET_SLOT_BYTES && !this.#hasLargeRoom) return false;
    return this.#store(frame, offload);
  }

  #store(frame: Uint8Array, offload: number): boolean {
    const slot = this.pool.store(frame, offload);
    if (slot < 0) return false;
    this.#append(slot);
    return true;
  }

  /**
   * As `push`, but fair to senders: when there is no room, the sender with the most frames here loses
   * the last of them, if this frame's sender has fewer; so a flood of one does not keep another's frame
   * out. Returns true if a frame was lost, this one or the other.
   */
  pushFair(frame: Uint8Array, offload = 0): boolean {
    if (this.push(frame, offload)) return false;
    const onlyLarge = frame.length > PACKET_SLOT_BYTES && !this.#hasLargeRoom;
    const loser = this.#fullerThan(readMac(frame, SOURCE_OFFSET), onlyLarge);
    if (loser >= 0) {
      this.#remove(loser, onlyLarge);
      this.#store(frame, offload);
    }
    return true;
  }

  /** The sender with the most frames here, if `sender` has fewer; else -1. `onlyLarge`: those count. */
  #fullerThan(sender: number, onlyLarge: boolean): number {
    senders.length = counts.length = 0;
    senders.push(sender);
    counts.push(0);
    let most = 0;
    for (let slot = this.#head; slot >= 0; slot = this.pool.following(slot)) {
      if (onlyLarge && !this.pool.isLarge(slot)) continue;
      const source = this.pool.source(slot);
      let index = senders.indexOf(source);
      if (index < 0) {
        index = senders.push(source) - 1;
        counts.push(0);
      }
      if (++counts[index] > counts[most]) most = index;
    }
    return counts[most] > counts[0] ? senders[most] : -1;
  }

  /** Removes the last frame from `source`, which must have one here. */
  #remove(source: number, onlyLarge: boolean): void {
    let before = -1, found = -1;
    for (let previous = -1, slot = this.#head; slot >= 0; slot = this.pool.following(slot)) {
      if (this.pool.source(slot) === source && (!onlyLarge || this.pool.isLarge(slot))) {
        before = previous;
        found = slot;
      }
      previous = slot;
    }
    const after = this.pool.following(found);
    if (before < 0) this.#head = after;
    else this.pool.link(before, after);
    if (found === this.#tail) this.#tail = before;
    this.#forget(found);
  }

  #forget(slot: number): void {
    this.#size--;
    if (this.pool.isLarge(slot)) this.#large--;
    this.pool.release(slot);
  }

  #append(slot: number): void {
    if (this.pool.isLarge(slot)) this.#large++;
    if (this.#size++ === 0) this.#head = slot;
    else this.pool.link(this.#tail, slot);
    this.#tail = slot;
  }

  /** The first frame, until `drop`; null if none waits. */
  peek(): Uint8Array | null {
    return this.#size > 0 ? this.pool.frame(this.#head) : null;
  }

  /** The offload of the first frame. */
  get offload(): number {
    return this.#size > 0 ? this.pool.offload(this.#head) : 0;
  }

  /** Removes the first frame. */
  drop(): void {
    if (this.#size === 0) return;
    const slot = this.#head;
    this.#head = this.pool.following(slot);
    this.#forget(slot);
  }

  clear(): void {
    while (this.#size > 0) this.drop();
  }
}
