/**
 * Places in an area of blocks of one size that is shared with another thread: runs of neighbours are
 * taken and given back, so that each run can be moved by one operation.
 */
export class StagingArea {
  readonly #used: Uint8Array;
  #free: number;
  /** Where the next search begins: what was given back last is used last. */
  #next = 0;

  constructor(readonly blocks: number) {
    this.#used = new Uint8Array(blocks);
    this.#free = blocks;
  }

  get free(): number {
    return this.#free;
  }

  /** The first of `count` neighbouring blocks, at least one, or -1 if there are not so many. */
  take(count: number): number {
    if (count > this.#free) return -1;
    let first = this.#find(this.#next, this.blocks, count);
    // A run may begin before the place where the search did, and end behind it.
    if (first < 0) first = this.#find(0, Math.min(this.blocks, this.#next + count), count);
    if (first < 0) return -1;
    this.#used.fill(1, first, first + count);
    this.#free -= count;
    this.#next = first + count;
    return first;
  }

  give(first: number, count: number): void {
    this.#used.fill(0, first, first + count);
    this.#free += count;
  }

  #find(from: number, end: number, count: number): number {
    let run = 0;
    for (let block = from; block < end; block++) {
      run = this.#used[block] === 0 ? run + 1 : 0;
      if (run === count) return block - count + 1;
    }
    return -1;
  }
}
