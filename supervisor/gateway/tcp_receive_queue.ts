/**
 * Bytes that arrived and were not read yet, and those that arrived out of order.
 *
 * In-order bytes are copied once, out of the frame into chunks that `take` hands to the reader
 * as they are. The first chunk fits what arrived (one small answer costs one small allocation), the
 * following ones grow to 64 KiB. Out-of-order segments are kept sorted and bounded in number, so a
 * peer cannot make many tiny holes expensive, and in bytes, so that segments that overlap are no more than those that
 * do not.
 */
import { after, before, distance } from "./tcp_sequence.ts";

const CHUNK_MAXIMUM = 65_536;
const HOLES_MAXIMUM = 512;

interface Early {
  sequence: number;
  bytes: Uint8Array;
}

export class ReceiveQueue {
  /** Bytes ready to be read. */
  length = 0;
  /** Bytes held out of order. */
  early = 0;
  #chunks: Uint8Array[] = [];
  #used = 0;
  #early: Early[] = [];
  /** Where the segment begins that came last. */
  #latest = 0;

  push(source: Uint8Array, from: number, count: number): void {
    this.length += count;
    let tail = this.#chunks.at(-1);
    let done = 0;
    if (tail !== undefined && this.#used < tail.length) {
      done = Math.min(count, tail.length - this.#used);
      tail.set(source.subarray(from, from + done), this.#used);
      this.#used += done;
    }
    if (done === count) return;
    const grown = tail === undefined ? 0 : Math.min(CHUNK_MAXIMUM, 4 * tail.length);
    tail = new Uint8Array(Math.max(count - done, grown));
    tail.set(source.subarray(from + done, from + count));
    this.#used = count - done;
    this.#chunks.push(tail);
  }

  /** The oldest chunk, which now belongs to the caller. Only while `length` is above 0. */
  take(): Uint8Array {
    const chunk = this.#chunks.shift()!;
    const bytes = this.#chunks.length === 0 ? chunk.subarray(0, this.#used) : chunk;
    this.length -= bytes.length;
    return bytes;
  }

  /** Bytes of both kinds. */
  get held(): number {
    return this.length + this.early;
  }

  /** Keeps a copy of a segment beyond RCV.NXT, if it has less than `limit` bytes with those that are kept. */
  hold(sequence: number, source: Uint8Array, from: number, count: number, limit: number): void {
    this.#latest = sequence;
    if (this.#early.length >= HOLES_MAXIMUM || this.early + count > limit) return;
    let index = this.#early.length;
    while (index > 0 && after(this.#early[index - 1].sequence, sequence)) index--;
    const previous = this.#early[index - 1];
    if (previous !== undefined) {
      const covered = previous.bytes.length - distance(sequence, previous.sequence);
      if (covered >= count) return;
    }
    this.#early.splice(index, 0, { sequence, bytes: source.slice(from, from + count) });
    this.early += count;
  }

  /** Moves what has become in order at `next` to the reader; returns the new RCV.NXT. */
  join(next: number): number {
    let at = next;
    let joined = 0;
    for (const { sequence, bytes } of this.#early) {
      if (before(at, sequence)) break;
      joined++;
      this.early -= bytes.length;
      const skip = distance(at, sequence);
      if (skip >= bytes.length) continue;
      this.push(bytes, skip, bytes.length - skip);
      at = (at + bytes.length - skip) | 0;
    }
    if (joined > 0) this.#early.splice(0, joined);
    return at;
  }

  /**
   * What is held beyond the holes, as blocks of RFC 2018: the one that grew last comes first. Returns how many
   * of them are in `into`.
   */
  blocks(into: Int32Array): number {
    const room = into.length >> 1;
    let count = 0, latest = 0, end = 0;
    for (const { sequence, bytes } of this.#early) {
      const behind = (sequence + bytes.length) | 0;
      if (count > 0 && !after(sequence, end)) {
        if (after(behind, end)) end = behind;
      } else {
        count++;
        end = behind;
        // The last place is kept for the block that comes last, in case that is the one.
        if (count <= room) into[2 * count - 2] = sequence;
        else into[2 * room - 2] = sequence;
      }
      const at = Math.min(count, room) - 1;
      into[2 * at + 1] = end;
      if (sequence === this.#latest) {
        latest = at;
        if (count > room) break;
      }
    }
    count = Math.min(count, room);
    for (const word of [0, 1]) {
      const first = into[word];
      into[word] = into[2 * latest + word];
      into[2 * latest + word] = first;
    }
    return count;
  }

  get holes(): boolean {
    return this.#early.length > 0;
  }

  clear(): void {
    this.length = 0;
    this.#chunks = [];
    this.forgetEarly();
  }

  forgetEarly(): void {
    this.early = 0;
    this.#early = [];
  }
}
