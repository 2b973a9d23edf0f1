/**
 * Compiled regions by the pool address of each of their blocks, and how often control has come to places
 * that have none.
 *
 * Places are looked up in a table of fixed size, in which a place displaces another one of the same slot;
 * a map stands behind it. Counts live in the table only: a displaced place is counted anew.
 */

import { PAGE_MASK } from "../engine.ts";

/** Runs block `block` and what follows, at most `left` instructions; see region_printer.ts. */
export type RegionFunction = (block: number, left: number) => number;

export interface CompiledRegion {
  readonly run: RegionFunction;
  readonly frame: number;
  /** Number of the block at each offset of the page, or 0. */
  readonly entries: Uint8Array;
  /** Instructions of each block, by number. */
  readonly counts: Int32Array;
}

/** A power of two. */
const SLOTS = 1 << 14;

export class RegionCache {
  private readonly places = new Int32Array(SLOTS).fill(-1);
  private readonly heat = new Int32Array(SLOTS);
  private readonly regions: (CompiledRegion | null)[] = new Array(SLOTS).fill(null);
  private readonly frames = new Map<number, Map<number, CompiledRegion>>();

  /** The region with a block at `place`, or null; the place has then become hotter. */
  find(place: number): CompiledRegion | null {
    const slot = (place ^ (place >>> 12)) & (SLOTS - 1);
    if (this.places[slot] !== place) {
      this.places[slot] = place;
      this.heat[slot] = 0;
      this.regions[slot] = this.frames.get(place & ~PAGE_MASK)?.get(place & PAGE_MASK) ?? null;
    }
    const region = this.regions[slot];
    if (region === null) this.heat[slot]++;
    return region;
  }

  /** How often `place` was looked for since it got its slot, or was last cooled. */
  heatOf(place: number): number {
    return this.heat[(place ^ (place >>> 12)) & (SLOTS - 1)];
  }

  /** Nothing can be translated at `place`: do not ask again soon. */
  cool(place: number): void {
    this.heat[(place ^ (place >>> 12)) & (SLOTS - 1)] = -0x40000000;
  }

  /** Keeps a region; where another one has a block at the same place, that one stays. */
  add(region: CompiledRegion): void {
    let known = this.frames.get(region.frame);
    if (known === undefined) this.frames.set(region.frame, known = new Map());
    for (let offset = 0; offset < region.entries.length; offset++) {
      if (region.entries[offset] !== 0 && !known.has(offset)) known.set(offset, region);
    }
    this.forgetSlots(region.frame);
  }

  /** Forgets the regions of a frame; whether there were any. */
  dropFrame(frame: number): boolean {
    if (!this.frames.delete(frame)) return false;
    this.forgetSlots(frame);
    return true;
  }

  private forgetSlots(frame: number): void {
    for (let offset = 0; offset <= PAGE_MASK; offset++) {
      const place = frame | offset, slot = (place ^ (place >>> 12)) & (SLOTS - 1);
      if (this.places[slot] === place) {
        this.places[slot] = -1;
        this.regions[slot] = null;
      }
    }
  }

  clear(): void {
    this.frames.clear();
    this.places.fill(-1);
    this.regions.fill(null);
  }
}
