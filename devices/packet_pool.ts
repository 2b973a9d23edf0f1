/**
 * The memory of all Ethernet frames that wait in a kernel: fixed slots, one frame each.
 *
 * Slots are made in slabs when they are first needed and are used again, so that a frame costs no
 * allocation and idle queues cost no memory. The pool has a limit, and a queue may hold only a
 * share of what is free (Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory
 * Packet Switches", 1998): however many queues are flooded, another one still finds room.
 */

import { readMac } from "./mac.ts";

/** Bytes of a slot: the largest frame (1514), rounded up. */
export const PACKET_SLOT_BYTES = 1536;
const SLAB_SLOTS = 64;
/** Where an Ethernet frame has its source address. */
const SOURCE_OFFSET = 6;
/** Default limit: 24 MiB of frames. */
export const PACKET_POOL_SLOTS = 16_384;
/** A queue may hold 1 / 2^SHARE_SHIFT of the slots that are free. */
const SHARE_SHIFT = 2;

export class PacketPool {
  readonly #slabs: Uint8Array[] = [];
  readonly #next: Int32Array;
  readonly #length: Uint16Array;
  #freeList = -1;
  #free: number;

  constructor(readonly slots: number = PACKET_POOL_SLOTS) {
    this.#next = new Int32Array(slots).fill(-1);
    this.#length = new Uint16Array(slots);
    this.#free = slots;
  }

  /** Slots that hold no frame. */
  get free(): number {
    return this.#free;
  }

  /** Bytes of memory taken from the host so far. */
  get bytes(): number {
    return this.#slabs.length * SLAB_SLOTS * PACKET_SLOT_BYTES;
  }

  /** Most frames that a queue may hold now. */
  get share(): number {
    return this.#free >> SHARE_SHIFT;
  }

  /** Copies a frame into a slot; -1 if none is free. */
  store(frame: Uint8Array): number {
    if (this.#freeList < 0 && !this.#addSlab()) return -1;
    const slot = this.#freeList;
    this.#freeList = this.#next[slot];
    this.#next[slot] = -1;
    this.#free--;
    this.#length[slot] = frame.length;
    this.#slabs[slot >> 6].set(frame, (slot & (SLAB_SLOTS - 1)) * PACKET_SLOT_BYTES);
    return slot;
  }

  /** The frame in a slot, until it is released. */
  frame(slot: number): Uint8Array {
    const start = (slot & (SLAB_SLOTS - 1)) * PACKET_SLOT_BYTES;
    return this.#slabs[slot >> 6].subarray(start, start + this.#length[slot]);
  }

  /** The source MAC address of the frame in a slot, as an integer below 2^48. */
  source(slot: number): number {
    const start = (slot & (SLAB_SLOTS - 1)) * PACKET_SLOT_BYTES;
    return readMac(this.#slabs[slot >> 6], start + SOURCE_OFFSET);
  }

  release(slot: number): void {
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

  constructor(readonly pool: PacketPool, readonly limit: number) {}

  /** Frames that wait. */
  get size(): number {
    return this.#size;
  }

  /** Whether it may hold another frame; the pool may still be used up. */
  get hasRoom(): boolean {
    return this.#size < this.limit && this.#size <= this.pool.share;
  }

  /** Copies a frame to the end; false if the queue or the pool has no room. */
  push(frame: Uint8Array): boolean {
    if (!this.hasRoom) return false;
    const slot = this.pool.store(frame);
    if (slot < 0) return false;
    this.#append(slot);
    return true;
  }

  /**
   * As `push`, but fair to senders: when there is no room, the sender with the most frames here loses
   * the last of them, if this frame's sender has fewer; so a flood of one does not keep another's frame
   * out. Returns true if a frame was lost, this one or the other.
   */
  pushFair(frame: Uint8Array): boolean {
    if (this.push(frame)) return false;
    const loser = this.#fullerThan(readMac(frame, SOURCE_OFFSET));
    if (loser >= 0) {
      this.#remove(loser);
      this.#append(this.pool.store(frame));
    }
    return true;
  }

  /** The sender with the most frames here, if `sender` has fewer; else -1. */
  #fullerThan(sender: number): number {
    senders.length = counts.length = 0;
    senders.push(sender);
    counts.push(0);
    let most = 0;
    for (let slot = this.#head; slot >= 0; slot = this.pool.following(slot)) {
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
  #remove(source: number): void {
    let before = -1, found = -1;
    for (let previous = -1, slot = this.#head; slot >= 0; slot = this.pool.following(slot)) {
      if (this.pool.source(slot) === source) {
        before = previous;
        found = slot;
      }
      previous = slot;
    }
    const after = this.pool.following(found);
    if (before < 0) this.#head = after;
    else this.pool.link(before, after);
    if (found === this.#tail) this.#tail = before;
    this.#size--;
    this.pool.release(found);
  }

  #append(slot: number): void {
    if (this.#size++ === 0) this.#head = slot;
    else this.pool.link(this.#tail, slot);
    this.#tail = slot;
  }

  /** The first frame, until `drop`; null if none waits. */
  peek(): Uint8Array | null {
    return this.#size > 0 ? this.pool.frame(this.#head) : null;
  }

  /** Removes the first frame. */
  drop(): void {
    if (this.#size === 0) return;
    const slot = this.#head;
    this.#head = this.pool.following(slot);
    this.#size--;
    this.pool.release(slot);
  }

  clear(): void {
    while (this.#size > 0) this.drop();
  }
}
