/**
 * A bounded first-in first-out queue of the frames of a PacketPool, fair to senders when it is full.
 *
 * A frame that finds room costs nothing for fairness. From the first that finds none until the queue is empty, the
 * frames of each sender are counted, so that the frames of a flood cost no look at those that wait.
 */

import { readMac } from "./mac.ts";
import { PACKET_SLOT_BYTES, type PacketPool, SOURCE_OFFSET } from "./packet_pool.ts";

/** Most large frames of a queue: half a MiB, twice what a connection has under way. */
export const LARGE_QUEUE_FRAMES = 8;

/** A sender has so many frames more than another when it makes way; with one they would take turns at it. */
const UNFAIR_FRAMES = 2;

export class PacketQueue {
  #head = -1;
  #tail = -1;
  #size = 0;
  /** Of them, how many are large. */
  #large = 0;
  /** Frames by sender, while there are more than find room. */
  #contested: Map<number, number> | null = null;

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
    const counts = onlyLarge ? this.#count(true) : this.#contested ??= this.#count(false);
    const loser = fullest(counts, readMac(frame, SOURCE_OFFSET));
    if (loser >= 0) {
      this.#remove(loser, onlyLarge);
      this.#store(frame, offload);
    }
    return true;
  }

  #count(onlyLarge: boolean): Map<number, number> {
    const counts = new Map<number, number>();
    for (let slot = this.#head; slot >= 0; slot = this.pool.following(slot)) {
      if (!onlyLarge || this.pool.isLarge(slot)) add(counts, this.pool.source(slot), 1);
    }
    return counts;
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
    if (this.#size === 0) this.#contested = null;
    if (this.#contested !== null) add(this.#contested, this.pool.source(slot), -1);
    this.pool.release(slot);
  }

  #append(slot: number): void {
    if (this.#contested !== null) add(this.#contested, this.pool.source(slot), 1);
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

function add(counts: Map<number, number>, sender: number, frames: number): void {
  const count = (counts.get(sender) ?? 0) + frames;
  if (count > 0) counts.set(sender, count);
  else counts.delete(sender);
}

/** The sender with the most frames, if `sender` has clearly fewer; else -1. */
function fullest(counts: Map<number, number>, sender: number): number {
  let most = (counts.get(sender) ?? 0) + UNFAIR_FRAMES - 1, loser = -1;
  for (const [other, count] of counts) {
    if (count <= most) continue;
    most = count;
    loser = other;
  }
  return loser;
}
