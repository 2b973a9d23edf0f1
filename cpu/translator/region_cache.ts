/**
 * Compiled regions by the pool address of each of their entries, and how often control has come to places
 * that have none.
 *
 * Places are looked up in a table of fixed size, in which a place displaces another one of the same slot;
 * a map stands behind it. Counts live in the table only, and places that displace each other share one: a hot place
 * that was counted anew each time would stay with the evaluator for ever.
 *
 * A busy server enters hundreds of regions for each request, and what that costs is memory that is not in the processor's
 * caches. So what a slot says lies in one line of them, and what is needed of an entry in another one.
 *
 * A region may lie on several pages, and VMs may share the first of them and not the others (one has
 * overwritten its code), so that a place can have several regions.
 */

import { FAST_SLOTS, fastSlot } from "../code_cache.ts";
import { PAGE_MASK, PRESENT } from "../engine.ts";
import { type Watch, WATCH_LIMIT, WATCH_PLACE, WATCH_VISITS, WATCH_WORDS } from "../evaluator.ts";
import type { Run } from "../runtime.ts";
import type { Habits } from "./region.ts";

/** Runs from entry `block` on, at most `left` instructions; see region_printer.ts. */
export type RegionFunction = (block: number, left: number) => number;

export interface CompiledRegion {
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
  readonly run: RegionFunction;
  readonly address: number;
  /** What `run` calls it. */
  readonly block: number;
  /** The budget that it takes to come in. */
  readonly need: number;
  /** Run.mapping when the region was mapped as it must be; UNSURE: it is to be looked at each time. */
  mapping: number;
  readonly region: CompiledRegion;
  /** Another region at the same place. */
  next: RegionEntry | null;
  readonly place: number;
}

/** Of `mapping`: the region is new. */
export const UNSURE = -1;
/** The first runs of a region, which are counted. */
export const TRAINING_RUNS = 128;
/** Run.mapping is below that, give or take what a run can add. */
const MAXIMUM_MAPPING = 1 << 30;

/**
 * What counts for a place is halved after so much work: evaluated instructions, translated ones being an eighth.
 * That is about an eighth of a second.
 */
export const COOLING_WORK: number = 1 << 24;
/** Work over which visits say something. */
const LEAST_SAMPLE = 1 << 16;
/** V8 knows the values of a module's own constants, but not of an import. */
const WORDS = WATCH_WORDS, PLACE = WATCH_PLACE, HEAT = WATCH_VISITS, GATE = WATCH_LIMIT, HEAD = 3;
/** An address that is no place. */
const NO_PLACE = -1;
/** Regions at one place. */
const MAXIMUM_VARIANTS = 4;

export class RegionCache {
  /** Regions that are kept, and the characters of their source. */
  regions = 0;
  bytes = 0;
  /**
   * WATCH_WORDS for each slot: a place; how hot it is; the heat until which nobody need ask again what can be made of it;
   * where in `heads` its entry stands. The evaluator stops where that is to be looked at.
   */
  readonly table: Watch = new Int32Array(FAST_SLOTS * WATCH_WORDS);
  /** How hot slots were when places cooled last. */
  private readonly cooled = new Int32Array(FAST_SLOTS);
  /** The first entry at each place that has one, in no order, and null. */
  private readonly heads: (RegionEntry | null)[] = [null];
  /** Where those stand, by place, and where nothing stands. */
  private readonly numbers = new Map<number, number>();
  private readonly free: number[] = [];
  private readonly neighbours = new Map<number, CompiledRegion>();
  private readonly frames = new Map<number, Set<CompiledRegion>>();

  /** `least`: until a place is so hot, nothing can be made of it. */
  constructor(private readonly least: number) {
    this.vacate();
  }

  /** The region to enter at `address`, which lies at `place`, or null; the place is then hotter. */
  find(place: number, address: number, X: Run): RegionEntry | null {
    const { table } = this;
    const at = fastSlot(place) * WORDS;
    if (table[at + PLACE] !== place) this.take(at, place);
    for (let entry = this.heads[table[at + HEAD]]; entry !== null; entry = entry.next) {
      if (entry.address !== address) continue;
      if (entry.mapping === X.mapping || this.isEntry(entry, X)) return entry;
    }
    table[at + HEAT]++;
    return null;
  }

  /** A slot is for another place from now on. */
  private take(at: number, place: number): void {
    const { table } = this;
    table[at + PLACE] = place;
    if (table[at + HEAT] < 0) table[at + HEAT] = this.cooled[at / WORDS] = 0;
    this.settle(at, this.numbers.get(place) ?? 0);
  }

  /** What stands at the place of a slot. The translator always wants to know when control comes to an entry. */
  private settle(at: number, head: number): void {
    this.table[at + HEAD] = head;
    this.table[at + GATE] = head === 0 ? this.least : -1;
  }

  /** Whether the region can be entered in this space; if so, nobody asks again until something is mapped. */
  private isEntry(entry: RegionEntry, X: Run): boolean {
    if (!isMapped(entry.region, X.readTable)) return false;
    entry.mapping = entry.region.runs < TRAINING_RUNS ? UNSURE : X.mapping;
    return true;
  }

  /** Keeps Run.mapping small. */
  bound(X: Run): void {
    if (X.mapping < MAXIMUM_MAPPING) return;
    X.mapping = 0;
    for (const head of this.heads) {
      for (let entry = head; entry !== null; entry = entry.next) entry.mapping = UNSURE;
    }
  }

  /** Whether `place` is hotter than `least`, and than it was to become. */
  isHot(place: number, least: number): boolean {
    const at = fastSlot(place) * WORDS, heat = this.table[at + HEAT];
    return heat > least && heat > this.table[at + GATE];
  }

  /** Whether `place` is hotter than `least`; if it is not, it is not hot before that. */
  isAbove(place: number, least: number): boolean {
    const at = fastSlot(place) * WORDS, heat = this.table[at + HEAT];
    this.table[at + GATE] = Math.min(least, heat + this.least);
    return heat > least;
  }

  /** Halves how often places were looked for: what is rare never becomes hot. */
  cool(): void {
    const { table, cooled, least } = this;
    for (let slot = 0, at = 0; slot < FAST_SLOTS; slot++, at += WORDS) {
      cooled[slot] = table[at + HEAT] >>= 1;
      if (table[at + GATE] > least) table[at + GATE] = Math.max(table[at + GATE] >> 1, least);
    }
  }

  /** Nothing can be translated at `place`: do not ask again soon. */
  freeze(place: number): void {
    this.table[fastSlot(place) * WORDS + HEAT] = -0x40000000;
  }

  /** Whether a region can be entered at `place`. */
  has(place: number): boolean {
    return this.numbers.has(place);
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
    const slot = fastSlot(place), at = slot * WORDS;
    const heat = this.table[at + HEAT];
    if (this.table[at + PLACE] !== place || heat < least) return false;
    // What is left of all the time before is as much as came in the last part of it.
    const before = this.cooled[slot];
    const recent = (heat - before) * COOLING_WORK / Math.max(work, LEAST_SAMPLE);
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
      entry.next = this.headAt(entry.place);
      let last = entry;
      for (let count = 1; last.next !== null && count < MAXIMUM_VARIANTS; count++) last = last.next;
      last.next = null;
      this.set(entry.place, entry);
    }
    for (const place of region.around) {
      this.neighbours.set(place, region);
      // What its code was run by the evaluator counts no more.
      const at = fastSlot(place) * WORDS;
      if (this.table[at + PLACE] === place) this.table[at + HEAT] = 0;
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
    let first = this.headAt(place);
    while (first !== null && first.region === region) first = first.next;
    for (let entry = first; entry !== null; entry = entry.next) {
      while (entry.next !== null && entry.next.region === region) entry.next = entry.next.next;
    }
    this.set(place, first);
  }

  private headAt(place: number): RegionEntry | null {
    return this.heads[this.numbers.get(place) ?? 0];
  }

  private set(place: number, entry: RegionEntry | null): void {
    const { heads, numbers, table } = this;
    let number = numbers.get(place) ?? 0;
    if (entry !== null) {
      if (number === 0) number = this.free.pop() ?? heads.length;
      heads[number] = entry;
      numbers.set(place, number);
    } else if (number !== 0) {
      heads[number] = null;
      numbers.delete(place);
      this.free.push(number);
      number = 0;
    }
    const at = fastSlot(place) * WORDS;
    if (table[at + PLACE] === place) {
      table[at + HEAT] = 0;
      this.settle(at, number);
    }
  }

  clear(): void {
    this.numbers.clear();
    this.neighbours.clear();
    this.frames.clear();
    this.heads.length = 1;
    this.free.length = 0;
    this.vacate();
    this.regions = this.bytes = 0;
  }

  private vacate(): void {
    const { table } = this;
    for (let at = 0; at < table.length; at += WORDS) table[at + PLACE] = NO_PLACE;
  }
}

function isMapped({ pages, frames }: CompiledRegion, readTable: Int32Array): boolean {
  for (let i = 0; i < pages.length; i++) {
    const entry = readTable[pages[i]];
    if ((entry & PRESENT) === 0 || (entry & ~PAGE_MASK) !== frames[i]) return false;
  }
  return true;
}
