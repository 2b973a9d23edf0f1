/**
 * The slots of a cell's swap device, and which of them belong to which VM.
 *
 * A VM gets a region as large as its memory when it is made and gives it back at its end, so that a page
 * which has to leave memory always has a place: running out is possible only where a VM is made, and is a
 * refusal there. Slots are numbers; a device that stores sparsely pays only for those that are written.
 *
 * Within its region a VM uses the lowest free slots. Pages that left together lie together and come back
 * with one operation, wherever in the VM's memory they are, and the part of the region that was ever
 * written stays as small as the most pages that the VM had there at once.
 */

import { KernelBug } from "./errors.ts";

interface Extent {
  base: number;
  pages: number;
}

/** Hands out regions: first fit over the free extents, in order of place. */
export class SwapSpace {
  readonly #free: Extent[];
  #available: number;

  constructor(readonly pages: number) {
    this.#free = [{ base: 0, pages }];
    this.#available = pages;
  }

  /** Slots of no region. */
  get available(): number {
    return this.#available;
  }

  /** Slots of the largest region that can be had: gaps lie between those of VMs that live. */
  get largest(): number {
    return this.#free.reduce((largest, { pages }) => Math.max(largest, pages), 0);
  }

  /** A region of at most `largest` slots; else throws a KernelBug. */
  allocate(pages: number): SwapRegion {
    const index = this.#free.findIndex((extent) => extent.pages >= pages);
    if (index < 0) throw new KernelBug(`no gap of ${pages} slots of swap`);
    const extent = this.#free[index];
    const { base } = extent;
    extent.base += pages;
    extent.pages -= pages;
    if (extent.pages === 0) this.#free.splice(index, 1);
    this.#available -= pages;
    return new SwapRegion(this, base, pages);
  }

  /** Takes back a region's slots; it must not be used afterwards. */
  release({ base, pages }: SwapRegion): void {
    const at = this.#after(base);
    const next = this.#free[at], before = this.#free[at - 1];
    this.#available += pages;
    if (before && before.base + before.pages === base) {
      before.pages += pages;
      if (next && base + pages === next.base) {
        before.pages += next.pages;
        this.#free.splice(at, 1);
      }
    } else if (next && base + pages === next.base) {
      next.base = base;
      next.pages += pages;
    } else {
      this.#free.splice(at, 0, { base, pages });
    }
  }

  /** Index of the first free extent behind a slot. */
  #after(base: number): number {
    let low = 0, high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#free[middle].base < base) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Shared by all regions that are empty. */
const NO_PAGES: number[] = [];
/** Slots for which a region first keeps its books. */
const SLOTS_MINIMUM = 8;

/** The slots of one VM, counted from the start of its region. */
export class SwapRegion {
  /**
   * Page whose copy each slot holds; 0: free. Grows with the slots that were ever used. A plain array, because
   * most are short, and a typed array costs 230 bytes before its first element.
   */
  #pages: number[] = NO_PAGES;
  /** No slot below is free. */
  #lowest = 0;
  #used = 0;

  constructor(readonly space: SwapSpace, readonly base: number, readonly pages: number) {}

  /** Slots that hold, or are about to hold, a page. */
  get used(): number {
    return this.#used;
  }

  /** Bytes of the books. */
  get bytes(): number {
    return 8 * this.#pages.length;
  }

  /** The page in a slot; 0: none. */
  page(slot: number): number {
    return slot < this.#pages.length ? this.#pages[slot] : 0;
  }

  /** Gives a page the lowest free slot. */
  take(page: number): number {
    let slot = this.#lowest;
    while (slot < this.#pages.length && this.#pages[slot] !== 0) slot++;
    if (slot >= this.pages) throw new KernelBug("a swap region has more pages than its VM");
    if (slot >= this.#pages.length) this.#grow();
    this.#pages[slot] = page;
    this.#lowest = slot + 1;
    this.#used++;
    return slot;
  }

  free(slot: number): void {
    if (this.page(slot) === 0) throw new KernelBug(`swap slot ${slot} was freed twice`);
    this.#pages[slot] = 0;
    if (slot < this.#lowest) this.#lowest = slot;
    if (--this.#used > 0) return;
    this.#pages = NO_PAGES;
    this.#lowest = 0;
  }

  #grow(): void {
    const old = this.#pages;
    const pages = new Array<number>(Math.max(SLOTS_MINIMUM, 2 * old.length)).fill(0);
    for (let slot = 0; slot < old.length; slot++) pages[slot] = old[slot];
    this.#pages = pages;
  }
}
