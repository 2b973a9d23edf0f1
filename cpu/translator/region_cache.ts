/**
 * Compiled regions by the pool address of each of their entries, and how often control has come to places
 * that have none.
 *
 * Places are looked up in a table of fixed size, in which a place displaces another one of the same slot;
 * a map stands behind it. Counts live in the table only, and places that displace each other share one: a hot place
 * that was counted anew each time would stay with the evaluator for ever.
 *
 * A region may lie on several pages, and VMs may share the first of them and not the others (one has
 * overwritten its code), so that a place can have several regions.
 */

import { FAST_SLOTS, fastSlot } from "../code_cache.ts";
import { PAGE_MASK, PRESENT } from "../engine.ts";
import type { Watch } from "../evaluator.ts";
import type { Habits } from "./region.ts";

/** Runs from entry `block` on, at most `left` instructions; see region_printer.ts. */
export type RegionFunction = (block: number, left: number) => number;

export interface CompiledRegion {
  readonly run: RegionFunction;
  /** The pages that it was made from, and the frames that they must be mapped to. */
  readonly pages: readonly number[];
  readonly frames: readonly number[];
  readonly entries: readonly RegionEntry[];
  /** Addresses that it was made for, and of all of its blocks. */
  readonly starts: readonly number[];
  readonly blocks: readonly number[];
  /** Places of its blocks. */
  readonly insides: ReadonlySet<number>;
  /** Places of its blocks, and of the code that its jumps leave it for. */
  readonly around: readonly number[];
  /** For each place where it can give up an instruction: its address, and what was done before it. */
  readonly bails: readonly (readonly [address: number, done: number])[];
  /** Instructions that leave it for a computed target. */
  readonly sites: readonly Site[];
  /** What has been learned of them. */
  readonly habits: Habits;
  /** How often it has run, as far as anybody counts. */
  runs: number;
  /** How often control has gone on from it in another region without a break, and when that was last halved. */
  hops: number;
  epoch: number;
  /** How often it has been made anew, larger. */
  readonly generation: number;
  /** Characters of its source. */
  readonly bytes: number;
}

/** A computed jump: where it went last, and how often it has gone there without a break. */
export interface Site {
  readonly address: number;
  target: number;
  count: number;
  /** When that was; see Translator. */
  epoch: number;
}

export interface RegionEntry {
  readonly region: CompiledRegion;
  readonly address: number;
  readonly place: number;
  /** What `run` calls it. */
  readonly block: number;
  /** The budget that it takes to come in. */
  readonly need: number;
  /** Another region at the same place. */
  next: RegionEntry | null;
}

/**
 * What counts for a place is halved after so much work: evaluated instructions, translated ones being an eighth.
 * That is about an eighth of a second.
 */
export const COOLING_WORK: number = 1 << 24;
/** Work over which visits say something. */
const LEAST_SAMPLE = 1 << 16;
/** Regions at one place. */
const MAXIMUM_VARIANTS = 4;

export class RegionCache {
  /** Regions that are kept, and the characters of their source. */
  regions = 0;
  bytes = 0;
  readonly places: Int32Array = new Int32Array(FAST_SLOTS).fill(-1);
  private readonly heat = new Int32Array(FAST_SLOTS);
  /** What it was when places cooled last. */
  private readonly cooled = new Int32Array(FAST_SLOTS);
  /** Until a place is so hot, nobody need ask again what can be made of it. */
  private readonly gates = new Int32Array(FAST_SLOTS);
  private readonly slots: (RegionEntry | null)[] = new Array(FAST_SLOTS).fill(null);
  private readonly entries = new Map<number, RegionEntry>();
  private readonly neighbours = new Map<number, CompiledRegion>();
  private readonly frames = new Map<number, Set<CompiledRegion>>();

  /** `least`: until a place is so hot, nothing can be made of it. */
  constructor(private readonly least: number) {}

  /** The region to enter at `address`, which lies at `place`, or null; the place is then hotter. */
  find(place: number, address: number, readTable: Int32Array): RegionEntry | null {
    const slot = fastSlot(place);
    if (this.places[slot] !== place) {
      this.places[slot] = place;
      if (this.heat[slot] < 0) this.heat[slot] = this.cooled[slot] = 0;
      this.slots[slot] = this.entries.get(place) ?? null;
      this.gates[slot] = this.gateOf(this.slots[slot]);
    }
    for (let entry = this.slots[slot]; entry !== null; entry = entry.next) {
      if (entry.address === address && isMapped(entry.region, readTable)) return entry;
    }
    this.heat[slot]++;
    return null;
  }

  /** Whether `place` is hotter than `least`, and than it was to become. */
  isHot(place: number, least: number): boolean {
    const slot = fastSlot(place);
    return this.heat[slot] > least && this.heat[slot] > this.gates[slot];
  }

  /** Whether `place` is hotter than `least`; if it is not, it is not hot before that. */
  isAbove(place: number, least: number): boolean {
    const slot = fastSlot(place);
    this.gates[slot] = Math.min(least, this.heat[slot] + this.least);
    return this.heat[slot] > least;
  }

  /** Halves how often places were looked for: what is rare never becomes hot. */
  cool(): void {
    const { heat, gates, least } = this;
    for (let slot = 0; slot < FAST_SLOTS; slot++) {
      heat[slot] >>= 1;
      if (gates[slot] > least) gates[slot] = Math.max(gates[slot] >> 1, least);
    }
    this.cooled.set(heat);
  }

  /** Nothing can be translated at `place`: do not ask again soon. */
  freeze(place: number): void {
    this.heat[fastSlot(place)] = -0x40000000;
  }

  /** Whether a region can be entered at `place`. */
  has(place: number): boolean {
    return this.entries.has(place);
  }

  /** The last region that has a block at `place` or a jump to it, if it is mapped as it must be. */
  near(place: number, readTable: Int32Array): CompiledRegion | null {
    const region = this.neighbours.get(place);
    return region !== undefined && isMapped(region, readTable) ? region : null;
  }

  /** The region, mapped as it must be, that has most of the blocks at `places`; null if none has half of them. */
  rival(places: readonly number[], readTable: Int32Array): CompiledRegion | null {
    const shares = new Map<CompiledRegion, number>();
    for (const place of places) {
      const region = this.neighbours.get(place);
      if (region?.insides.has(place)) shares.set(region, (shares.get(region) ?? 0) + 1);
    }
    for (const [region, share] of shares) {
      if (2 * share >= places.length && isMapped(region, readTable)) return region;
    }
    return null;
  }

  /**
   * Whether the code at `place` is worth translating with other code: it is part of a region, or control comes there
   * `pace` times while COOLING_WORK is done, of which so much has been done. What has come there less often than
   * `least` times is not known well enough.
   */
  isWarm(place: number, least: number, pace: number, work: number): boolean {
    const region = this.neighbours.get(place);
    if (region !== undefined && region.insides.has(place)) return true;
    const slot = fastSlot(place);
    if (this.places[slot] !== place || this.heat[slot] < least) return false;
    // What is left of all the time before is as much as came in the last part of it.
    const before = this.cooled[slot];
    const recent = (this.heat[slot] - before) * COOLING_WORK / Math.max(work, LEAST_SAMPLE);
    return Math.max(before, recent) >= pace;
  }

  /** The place cannot become part of the region that it is near to. */
  part(place: number): void {
    this.neighbours.delete(place);
  }

  /** Keeps a region. It is found before older ones at the same places. */
  add(region: CompiledRegion): void {
    this.regions++;
    this.bytes += region.bytes;
    for (const frame of region.frames) {
      const regions = this.frames.get(frame);
      if (regions === undefined) this.frames.set(frame, new Set([region]));
      else regions.add(region);
    }
    for (const entry of region.entries) {
      entry.next = this.entries.get(entry.place) ?? null;
      let last = entry;
      for (let count = 1; last.next !== null && count < MAXIMUM_VARIANTS; count++) last = last.next;
      last.next = null;
      this.set(entry.place, entry);
    }
    for (const place of region.around) {
      this.neighbours.set(place, region);
      // What its code was run by the evaluator counts no more.
      if (this.places[fastSlot(place)] === place) this.heat[fastSlot(place)] = 0;
    }
  }

  /** Forgets the regions made from a frame; returns how many there were. */
  dropFrame(frame: number): number {
    const regions = this.frames.get(frame);
    if (regions === undefined) return 0;
    const count = regions.size;
    for (const region of regions) this.remove(region);
    return count;
  }

  /** Forgets a region, if it is still there. */
  remove(region: CompiledRegion): void {
    if (!this.frames.get(region.frames[0])?.has(region)) return;
    this.regions--;
    this.bytes -= region.bytes;
    for (const { place } of region.entries) this.unlink(place, region);
    for (const place of region.around) {
      if (this.neighbours.get(place) === region) this.neighbours.delete(place);
    }
    for (const frame of region.frames) {
      const rest = this.frames.get(frame);
      rest?.delete(region);
      if (rest?.size === 0) this.frames.delete(frame);
    }
  }

  private unlink(place: number, region: CompiledRegion): void {
    let first = this.entries.get(place) ?? null;
    while (first !== null && first.region === region) first = first.next;
    for (let entry = first; entry !== null; entry = entry.next) {
      while (entry.next !== null && entry.next.region === region) entry.next = entry.next.next;
    }
    this.set(place, first);
  }

  private set(place: number, entry: RegionEntry | null): void {
    if (entry === null) this.entries.delete(place);
    else this.entries.set(place, entry);
    const slot = fastSlot(place);
    if (this.places[slot] === place) {
      this.slots[slot] = entry;
      this.heat[slot] = 0;
      this.gates[slot] = this.gateOf(entry);
    }
  }

  /** The translator always wants to know when control comes to an entry. */
  private gateOf(entry: RegionEntry | null): number {
    return entry === null ? this.least : -1;
  }

  /** Where the evaluator is to stop. */
  get watch(): Watch {
    return { places: this.places, visits: this.heat, limits: this.gates };
  }

  clear(): void {
    this.entries.clear();
    this.neighbours.clear();
    this.frames.clear();
    this.places.fill(-1);
    this.slots.fill(null);
    this.regions = this.bytes = 0;
  }
}

function isMapped({ pages, frames }: CompiledRegion, readTable: Int32Array): boolean {
  for (let i = 0; i < pages.length; i++) {
    const entry = readTable[pages[i]];
    if ((entry & PRESENT) === 0 || (entry & ~PAGE_MASK) !== frames[i]) return false;
  }
  return true;
}
