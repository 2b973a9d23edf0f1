/**
 * Which pages of one VM have a frame of their own: a small hash table in one Int32Array.
 *
 * A VM owns few of its pages, whatever its size (an idle web server some dozens of thousands), so
 * a flat array would be nearly all zeros. Open addressing, linear probing, at most half full; pairs
 * of (page number, frame). Page 0 never has a frame, so key 0 marks a free slot. Nothing is ever
 * removed: a VM gives back all of its frames at once.
 */

const SLOTS_MINIMUM = 16;
/** 2^32 divided by the golden ratio: spreads consecutive keys (Knuth, TAOCP vol. 3, 6.4). */
const HASH_MULTIPLIER = 0x9e3779b1 | 0;

export class PageMap {
  #pairs = new Int32Array(2 * SLOTS_MINIMUM);
  #shift = 32 - Math.log2(SLOTS_MINIMUM);
  #size = 0;

  /** Pages in the map. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the table itself. */
  get bytes(): number {
    return this.#pairs.byteLength;
  }

  /** The frame of a page, or -1. */
  get(page: number): number {
    const pairs = this.#pairs;
    const slot = this.#find(pairs, page);
    return pairs[slot] === page ? pairs[slot + 1] : -1;
  }

  /** Sets the frame of a page, 1..2^20-1. */
  set(page: number, frame: number): void {
    let slot = this.#find(this.#pairs, page);
    if (this.#pairs[slot] !== page) {
      if (4 * (this.#size + 1) > this.#pairs.length) {
        this.#grow();
        slot = this.#find(this.#pairs, page);
      }
      this.#size++;
      this.#pairs[slot] = page;
    }
    this.#pairs[slot + 1] = frame;
  }

  /** Calls `visit` for every pair, in no particular order. */
  forEach(visit: (page: number, frame: number) => void): void {
    const pairs = this.#pairs;
    for (let slot = 0; slot < pairs.length; slot += 2) {
      if (pairs[slot] !== 0) visit(pairs[slot], pairs[slot + 1]);
    }
  }

  clear(): void {
    this.#pairs = new Int32Array(2 * SLOTS_MINIMUM);
    this.#shift = 32 - Math.log2(SLOTS_MINIMUM);
    this.#size = 0;
  }

  /** Index of the page's slot, or of the free one where it belongs. */
  #find(pairs: Int32Array, page: number): number {
    const mask = pairs.length - 1;
    let slot = (Math.imul(page, HASH_MULTIPLIER) >>> this.#shift) << 1;
    while (pairs[slot] !== 0 && pairs[slot] !== page) slot = (slot + 2) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#pairs;
    const pairs = new Int32Array(2 * old.length);
    this.#shift--;
    for (let from = 0; from < old.length; from += 2) {
      if (old[from] === 0) continue;
      const slot = this.#find(pairs, old[from]);
      pairs[slot] = old[from];
      pairs[slot + 1] = old[from + 1];
    }
    this.#pairs = pairs;
  }
}
