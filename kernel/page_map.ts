/**
 * Which pages of one VM are its own, and where each of them is: a small hash table in one Int32Array.
 *
 * A VM owns few of its pages, whatever its size (an idle web server some dozens of thousands), so
 * a flat array would be nearly all zeros. An entry is three words: the page, its frame of the pool
 * (ABSENT: it is not in memory), and its slot in the VM's swap region (ABSENT: there is no valid copy).
 * Page 0 is never a VM's own, so key 0 marks a free place.
 *
 * Open addressing with linear probing, at most three quarters full. Sixteen pages in a row lie in sixteen
 * places in a row: who walks the table meets neighbours together, and moves them to the disk together.
 *
 * Rule for callers: a place (what `find` and `add` return) is valid until the next `add` or `remove`.
 */

import { PAGE_MASK } from "../cpu/engine.ts";

const PLACES_MINIMUM = 16;
/** 2^32 divided by the golden ratio: spreads consecutive keys (Knuth, TAOCP vol. 3, 6.4). */
const HASH_MULTIPLIER = 0x9e3779b1 | 0;
/** Pages in a row that stay together: 2^RUN_SHIFT. */
const RUN_SHIFT = 4, RUN_MASK = (1 << RUN_SHIFT) - 1;

/** No frame, or no slot. */
export const ABSENT = -1;

export class PageMap {
  #words = new Int32Array(3 * PLACES_MINIMUM);
  #places = PLACES_MINIMUM;
  #size = 0;

  /** Pages in the map. */
  get size(): number {
    return this.#size;
  }

  /** Places of the table, free ones included. */
  get places(): number {
    return this.#places;
  }

  /** Bytes of the table itself. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  /** The place of a page, 1..2^20-1, or -1. */
  find(page: number): number {
    const place = this.#probe(page);
    return this.#words[3 * place] === page ? place : -1;
  }

  /** Adds a page, 1..2^20-1, that is not in the map, without frame and slot; returns its place. */
  add(page: number): number {
    if (4 * (this.#size + 1) > 3 * this.#places) this.#grow();
    this.#size++;
    const place = this.#probe(page);
    this.#words[3 * place] = page;
    this.#words[3 * place + 1] = ABSENT;
    this.#words[3 * place + 2] = ABSENT;
    return place;
  }

  /** Removes the page at a place; the page behind it may move there. */
  remove(place: number): void {
    const words = this.#words, mask = this.#places - 1;
    this.#size--;
    // Deletion with linear probing: Knuth, TAOCP vol. 3, 6.4, algorithm R.
    for (let hole = place, next = place;;) {
      next = (next + 1) & mask;
      const page = words[3 * next];
      if (page === 0) {
        words[3 * hole] = 0;
        return;
      }
      const home = this.#home(page);
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      words.copyWithin(3 * hole, 3 * next, 3 * next + 3);
      hole = next;
    }
  }

  /** The page at a place 0..places-1; 0: none. */
  page(place: number): number {
    return this.#words[3 * place];
  }

  frame(place: number): number {
    const word = this.#words[3 * place + 1];
    return word < 0 ? ABSENT : word & ~PAGE_MASK;
  }

  /** What was noted of a page since it got its frame, 0..PAGE_MASK; 0: nothing. */
  note(place: number): number {
    const word = this.#words[3 * place + 1];
    return word < 0 ? 0 : word & PAGE_MASK;
  }

  /** Notes something of a page; of one without a frame, nothing. */
  setNote(place: number, note: number): void {
    const frame = this.frame(place);
    if (frame !== ABSENT) this.#words[3 * place + 1] = frame | note;
  }

  slot(place: number): number {
    return this.#words[3 * place + 2];
  }

  setFrame(place: number, frame: number): void {
    this.#words[3 * place + 1] = frame;
  }

  setSlot(place: number, slot: number): void {
    this.#words[3 * place + 2] = slot;
  }

  clear(): void {
    this.#words = new Int32Array(3 * PLACES_MINIMUM);
    this.#places = PLACES_MINIMUM;
    this.#size = 0;
  }

  /** The place of a page, or the free one where it belongs. */
  #probe(page: number): number {
    const words = this.#words, mask = this.#places - 1;
    let place = this.#home(page);
    while (words[3 * place] !== 0 && words[3 * place] !== page) place = (place + 1) & mask;
    return place;
  }

  #home(page: number): number {
    const run = Math.imul(page >>> RUN_SHIFT, HASH_MULTIPLIER) >>> RUN_SHIFT;
    return ((run ^ (run >>> 12)) << RUN_SHIFT | (page & RUN_MASK)) & (this.#places - 1);
  }

  #grow(): void {
    const old = this.#words, places = this.#places;
    this.#places = 2 * places;
    this.#words = new Int32Array(6 * places);
    for (let from = 0; from < 3 * places; from += 3) {
      if (old[from] === 0) continue;
      const place = this.#probe(old[from]);
      this.#words[3 * place] = old[from];
      this.#words[3 * place + 1] = old[from + 1];
      this.#words[3 * place + 2] = old[from + 2];
    }
  }
}
