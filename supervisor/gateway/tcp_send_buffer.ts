/**
 * Bytes that were written but not yet acknowledged: a ring that grows on demand and is given back
 * when it runs empty, so that thousands of idle connections hold nothing. Offset 0 is SND.UNA.
 */
const SMALLEST = 2048;
/** An empty ring of at most this size is kept, so that a request per millisecond allocates nothing. */
const KEPT = 4096;
const EMPTY = new Uint8Array(0);

export class SendBuffer {
  length = 0;
  #ring: Uint8Array = EMPTY;
  #start = 0;

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#ring.length;
  }

  append(source: Uint8Array, from: number, count: number): void {
    if (this.length + count > this.#ring.length) this.#grow(this.length + count);
    const ring = this.#ring;
    const at = (this.#start + this.length) & (ring.length - 1);
    const first = Math.min(count, ring.length - at);
    ring.set(source.subarray(from, from + first), at);
    if (first < count) ring.set(source.subarray(from + first, from + count), 0);
    this.length += count;
  }

  copyTo(target: Uint8Array, targetOffset: number, offset: number, count: number): void {
    const ring = this.#ring;
    const at = (this.#start + offset) & (ring.length - 1);
    const first = Math.min(count, ring.length - at);
    target.set(ring.subarray(at, at + first), targetOffset);
    if (first < count) target.set(ring.subarray(0, count - first), targetOffset + first);
  }

  /** Drops `count` acknowledged bytes from the front. */
  discard(count: number): void {
    this.length -= count;
    if (this.length === 0) {
      this.#start = 0;
      if (this.#ring.length > KEPT) this.#ring = EMPTY;
    } else this.#start = (this.#start + count) & (this.#ring.length - 1);
  }

  clear(): void {
    this.length = 0;
    this.#start = 0;
    this.#ring = EMPTY;
  }

  #grow(needed: number): void {
    let size = Math.max(SMALLEST, this.#ring.length);
    while (size < needed) size *= 2;
    const ring = new Uint8Array(size);
    if (this.length > 0) this.copyTo(ring, 0, 0, this.length);
    this.#ring = ring;
    this.#start = 0;
  }
}
