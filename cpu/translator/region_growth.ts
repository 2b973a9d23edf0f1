/**
 * What becomes a region, and when: new ones at hot places, larger ones, one out of two.
 *
 * - A place that control has come to `translateAfter` times becomes the start of a region.
 * - A place inside of a region, at its end, or behind a computed jump of it that becomes hot does not become a region
 *   by itself: the region is made anew around it. That is less and less worth it, the more often it has happened.
 * - Two regions that control often goes between become one, if all of both fits into it.
 *
 * Nothing of this is seen by a guest; it costs `preparation`.
 */

import { PAGE_MASK } from "../engine.ts";
import type { Environment } from "../runtime.ts";
import { Vocabulary } from "../vocabulary.ts";
import type { Habits } from "./region.ts";
import type { CompiledRegion, RegionCache, RegionEntry, Site } from "./region_cache.ts";
import { type PrintedCode, type RegionCompiler, type Scope, STRICT } from "./region_compiler.ts";

export interface GrowthOptions {
  /** How often a place is run by the evaluator before it is translated; 0: at once. */
  readonly translateAfter: number;
  /** Characters of JavaScript in regions that are kept; before there are more, all are forgotten. */
  readonly codeBytes: number;
  /** Microseconds. */
  readonly now: () => number;
  /** Is told the source of all code that is generated, before it is compiled. */
  readonly emitted?: (source: string) => void;
}

/** Entries of a region that were asked for one by one. */
const MAXIMUM_STARTS = 24;

/** The size of a region at first; each time that it is made anew it may be twice as large. */
const FIRST_INSTRUCTIONS = 400;

/**
 * How often a region is made anew: one that is as large as may be loses a block for each that it wins, and what it
 * loses would win its place back for ever.
 */
const MAXIMUM_GENERATION = 16;

/** How often control goes from one region to another before they become one, besides `translateAfter`. */
const LEAST_HOPS = 16;
/** A way out of a region costs less than evaluating a place, so that it may be used more often. */
const HABIT_FACTOR = 4;
/**
 * Code that has run less often than this part of the threshold stays outside of a region: when it runs for the first
 * time in optimised code, V8 drops that code.
 */
const RARE_SHIFT = 6;

/** Of `hops`: they are not counted. */
const NEVER = -1;

/** Code of a frame that is written so often stays with the evaluator. */
const MAXIMUM_CHURN = 16;

/** Computed jumps of a region whose targets are known. */
const MAXIMUM_HABITS = 16;
const NO_HABITS: Habits = new Map();

/** What it costs to translate an instruction, in instructions: 10 to 20 µs. */
const TRANSLATE_WORK = 2000;

export class RegionGrowth {
  /** What it has cost, as Engine.preparation. */
  preparation = 0;
  readonly counters = { translations: 0, cleared: 0, refused: 0, microseconds: 0 };
  private readonly vocabulary: Vocabulary;
  /** How often regions of a frame have been dropped lately. */
  private readonly churn = new Map<number, number>();
  /** How often places have cooled. */
  private epoch = 0;

  constructor(
    private readonly options: GrowthOptions,
    private readonly environment: Environment,
    private readonly cache: RegionCache,
    private readonly compiler: RegionCompiler,
  ) {
    this.vocabulary = new Vocabulary(Object.keys(environment));
  }

  /** Regions of a frame have been dropped. */
  dropped(frame: number): void {
    this.churn.set(frame, this.churnOf(frame) + 1);
  }

  private churnOf(frame: number): number {
    return this.churn.get(frame) ?? 0;
  }

  cool(): void {
    this.cache.cool();
    for (const [frame, count] of this.churn) {
      if (count > 1) this.churn.set(frame, count >> 1);
      else this.churn.delete(frame);
    }
    this.epoch++;
  }

  /** A computed jump has left the region. If it always goes to the same address, that becomes part of it. */
  observe(region: CompiledRegion, site: Site, target: number): void {
    if (site.target !== target) site.count = 0;
    if (site.epoch !== this.epoch) site.count >>= 1;
    site.target = target;
    site.epoch = this.epoch;
    const enough = (1 + HABIT_FACTOR * this.options.translateAfter) * (1 + region.generation);
    if (++site.count !== enough || region.habits.size >= MAXIMUM_HABITS) return;
    const learned = new Map(region.habits);
    learned.set(site.address, [...learned.get(site.address) ?? [], target]);
    this.timed(() => this.regrow(region, region.starts, target, learned));
  }

  /** Control goes from one region to another, which costs as much as some 100 instructions. */
  hop(from: CompiledRegion, to: CompiledRegion): void {
    if (from.hops === NEVER) return;
    if (from.epoch !== this.epoch) {
      from.hops >>= 1;
      from.epoch = this.epoch;
    }
    const enough = (LEAST_HOPS + this.options.translateAfter) * (1 + from.generation);
    if (++from.hops <= enough) return;
    from.hops = NEVER;
    this.timed(() => this.join(from, to));
  }

  /** Makes one region of two, if all of both fits into it. */
  private join(from: CompiledRegion, to: CompiledRegion): boolean {
    const starts = [...new Set([...from.starts, ...to.starts])];
    const habits = new Map([...from.habits, ...to.habits]);
    if (starts.length > MAXIMUM_STARTS || habits.size > MAXIMUM_HABITS) return false;
    const generation = Math.max(from.generation, to.generation) + 1;
    if (generation > MAXIMUM_GENERATION) return false;
    const inside = (place: number) => from.insides.has(place) || to.insides.has(place);
    const scope = this.scope(habits, generation);
    const joined = this.compiler.find(this.environment.X.space, starts, to.starts[0], {
      ...scope,
      known: (place) => scope.known(place) && !inside(place),
    });
    if (joined === null) return false;
    const blocks = new Set(joined.region.blocks.map(({ start }) => start));
    if (![...from.blocks, ...to.blocks].every((start) => blocks.has(start))) return false;
    if (!this.keep(joined, generation)) return false;
    this.cache.remove(from);
    this.cache.remove(to);
    return true;
  }

  /** Counts a place without a region, and translates it if it has become hot. */
  warm(place: number, eip: number): RegionEntry | null {
    if (!this.cache.isHot(place, this.options.translateAfter >> 2)) return null;
    if (this.churnOf(place & ~PAGE_MASK) >= MAXIMUM_CHURN) return null;
    return this.translate(place, eip);
  }

  private timed<T>(work: () => T): T {
    const start = this.options.now();
    const result = work();
    this.counters.microseconds += this.options.now() - start;
    return result;
  }

  private translate(place: number, eip: number): RegionEntry | null {
    const { cache } = this;
    const { translateAfter } = this.options;
    const { readTable } = this.environment.X;
    // Nearly every visit ends here, so that none of it may ask for the time.
    const near = cache.near(place, readTable);
    if (near !== null && near.starts.length < MAXIMUM_STARTS) {
      const least = (translateAfter >> 2) * (1 + near.generation);
      if (!cache.isAbove(place, least)) return null;
      // Inside of it, the place becomes an entry.
      const starts = near.blocks.includes(eip) ? [...near.starts, eip] : near.starts;
      const grown = this.timed(() => this.regrow(near, starts, eip, near.habits));
      if (grown) return cache.find(place, eip, readTable);
      cache.part(place);
    }
    if (!cache.isAbove(place, translateAfter)) return null;
    if (!this.timed(() => this.begin(eip))) {
      cache.freeze(place);
      return null;
    }
    return cache.find(place, eip, readTable);
  }

  /** A new region, or, if half of it is in another one already, that one larger. */
  private begin(eip: number): boolean {
    const { readTable, space } = this.environment.X;
    const found = this.compiler.find(space, [eip], eip, this.scope(NO_HABITS, 0));
    if (found === null) return false;
    const places = found.region.blocks.map(({ start }) => found.place(start));
    const rival = this.cache.rival(places, readTable);
    if (rival !== null && rival.starts.length < MAXIMUM_STARTS) {
      if (this.regrow(rival, [...rival.starts, eip], eip, rival.habits)) return true;
    }
    return this.keep(found, 0);
  }

  /** Makes a region anew, if `eip` becomes part of it. */
  private regrow(
    region: CompiledRegion,
    starts: readonly number[],
    eip: number,
    habits: Habits,
  ): boolean {
    const generation = region.generation + 1;
    if (generation > MAXIMUM_GENERATION) return false;
    const scope = this.scope(habits, generation);
    const grown = this.compiler.find(this.environment.X.space, starts, eip, scope);
    if (grown === null || !this.keep(grown, generation)) return false;
    this.cache.remove(region);
    return true;
  }

  private scope(habits: Habits, generation: number): Scope {
    const all = this.options.translateAfter === 0;
    return {
      limit: FIRST_INSTRUCTIONS * 2 ** generation,
      habits,
      wanted: (place) =>
        this.churnOf(place & ~PAGE_MASK) < MAXIMUM_CHURN &&
        (all || this.cache.isWarm(place, this.options.translateAfter >> RARE_SHIFT)),
      known: (place) => this.cache.has(place),
    };
  }

  /** Compiles a region; false if its text is not what it must be. */
  private keep(found: PrintedCode, generation: number): boolean {
    const { cache, counters } = this;
    const source = this.compiler.source(found);
    this.options.emitted?.(source);
    if (this.vocabulary.check(source.slice(STRICT.length)) !== "") {
      counters.refused++;
      return false;
    }
    const compiled = this.compiler.compile(found, source, generation);
    if (cache.bytes + compiled.bytes > this.options.codeBytes && cache.regions > 0) {
      cache.clear();
      counters.cleared++;
    }
    this.preparation += found.instructions * TRANSLATE_WORK;
    counters.translations++;
    for (const page of compiled.pages) this.environment.X.space.protectCode(page);
    cache.add(compiled);
    return true;
  }
}
