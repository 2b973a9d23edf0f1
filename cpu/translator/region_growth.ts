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

import { type AddressSpace, PAGE_MASK } from "../engine.ts";
import type { Environment } from "../runtime.ts";
import { Vocabulary } from "../vocabulary.ts";
import { CompileDebt, isCheap, priceOf } from "./compile_debt.ts";
import type { Habits } from "./region.ts";
import type { CompiledRegion, RegionCache, Site } from "./region_cache.ts";
import { type PrintedCode, type RegionCompiler, type Scope, STRICT } from "./region_compiler.ts";
import { type Unfinished, UnfinishedTranslations } from "./unfinished.ts";

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

/**
 * How often a region is made anew: one that is as large as may be loses a block for each that it wins, and what it
 * loses would win its place back for ever.
 */
const MAXIMUM_GENERATION = 16;

/**
 * A way out of a region and into another one costs about 50 ns, much less than evaluating a place, so that it is used
 * so many times `translateAfter` before the region is made anew for that; and at least so often before two become one.
 */
const HABIT_FACTOR = 24, HOP_FACTOR = 6, LEAST_HOPS = 16;
/**
 * Code that runs less often than this part of the threshold asks for stays outside of a region: V8 has better to do. And
 * so does what has run less often than this part: when it runs for the first time in optimised code, V8 drops that.
 */
const SLOW_SHIFT = 2, RARE_SHIFT = 6;

/**
 * To count each way out of a region would take half as long as the way. So of all that is counted for regions every
 * WEIGHT-th is, at random, and counts as so many; where thresholds are small, each is.
 */
const WEIGHT = 16, LEAST_SAMPLED = 1000;
/** Of `hops`: they are not counted. */
const NEVER = -1;

/**
 * Of the `count` of a site: it has been tried to make a target part of the region, and failed if the site is still
 * there. A site that goes elsewhere each time would try for ever, so that no other target is tried soon either.
 */
const TRIED = -0x40000000;

/** Code of a frame that is written so often stays with the evaluator. */
const MAXIMUM_CHURN = 16;

/** Computed jumps of a region whose targets are known. */
const MAXIMUM_HABITS = 16;
const NO_HABITS: Habits = new Map();

/** What it costs to check and to compile the text of an instruction, in instructions; see RegionCompiler.find. */
const CHECK_WORK = 200, COMPILE_WORK = 500;

/** No place in the pool. */
const NOWHERE = -1;

export class RegionGrowth {
  /** What it has cost, as Engine.preparation. */
  preparation = 0;
  private readonly debt = new CompileDebt();
  private readonly unfinished = new UnfinishedTranslations();
  /** That of the VM that runs. */
  private current: Unfinished | null = null;
  readonly counters = { translations: 0, cleared: 0, refused: 0, microseconds: 0 };
  private readonly vocabulary: Vocabulary;
  /** How often regions of a frame have been dropped lately. */
  private readonly churn = new Map<number, number>();
  /** How often places have cooled, and the work since then. */
  private epoch = 0;
  private work = 0;
  private readonly weight: number;
  private chance = 0;

  constructor(
    private readonly options: GrowthOptions,
    private readonly environment: Environment,
    private readonly cache: RegionCache,
    private readonly compiler: RegionCompiler,
  ) {
    this.vocabulary = new Vocabulary(Object.keys(environment));
    this.weight = options.translateAfter < LEAST_SAMPLED ? 1 : WEIGHT;
  }

  /** Whether what a region does now is to be counted. */
  samples(): boolean {
    if (this.weight === 1) return true;
    // Numerical Recipes, 7.1.
    this.chance = (Math.imul(this.chance, 1664525) + 1013904223) | 0;
    return this.chance >>> 28 === 0;
  }

  /** A frame has been dropped, and with it `regions` regions. */
  dropped(frame: number, regions: number): void {
    this.unfinished.dropFrame(frame);
    if (this.current?.isGivenUp) this.current = null;
    if (regions > 0) this.churn.set(frame, this.churnOf(frame) + 1);
  }

  private churnOf(frame: number): number {
    return this.churn.get(frame) ?? 0;
  }

  cool(): void {
    this.cache.cool();
    this.debt.cool();
    for (const [frame, count] of this.churn) {
      if (count > 1) this.churn.set(frame, count >> 1);
      else this.churn.delete(frame);
    }
    this.epoch++;
  }

  /** A computed jump has left the region. If it always goes to the same address, that becomes part of it. */
  observe(region: CompiledRegion, site: Site, target: number): void {
    if (site.target !== target) site.count = Math.min(site.count, 0);
    if (site.epoch !== this.epoch) site.count >>= 1;
    site.target = target;
    site.epoch = this.epoch;
    site.count += this.weight;
    const least = HABIT_FACTOR * this.options.translateAfter;
    if (site.count <= least || this.isBusy) return;
    if (site.count <= least * priceOf(region.bytes) * this.debt.factor) return;
    site.count = TRIED;
    if (region.habits.size >= MAXIMUM_HABITS) return;
    const learned = new Map(region.habits);
    learned.set(site.address, [...learned.get(site.address) ?? [], target]);
    this.start(NOWHERE, [region], this.regrow(region, region.starts, target, learned));
  }

  /** Control goes from one region to another; see HOP_FACTOR. */
  hop(from: CompiledRegion, to: CompiledRegion): void {
    if (from.hops === NEVER) return;
    if (from.epoch !== this.epoch) {
      from.hops >>= 1;
      from.epoch = this.epoch;
    }
    from.hops += this.weight;
    const least = LEAST_HOPS + HOP_FACTOR * this.options.translateAfter;
    if (from.hops <= least || this.isBusy) return;
    if (from.hops <= least * priceOf(from.bytes + to.bytes) * this.debt.factor) return;
    if (this.start(NOWHERE, [from, to], this.join(from, to))) from.hops = NEVER;
  }

  /** Makes one region of two, if all of both fits into it. */
  private *join(from: CompiledRegion, to: CompiledRegion): Generator<number, boolean> {
    const starts = [...new Set([...from.starts, ...to.starts])];
    const habits = new Map([...from.habits, ...to.habits]);
    if (starts.length > MAXIMUM_STARTS || habits.size > MAXIMUM_HABITS) return false;
    const generation = Math.max(from.generation, to.generation) + 1;
    if (generation > MAXIMUM_GENERATION) return false;
    const scope = this.scope(habits, [from, to]);
    const { space } = this.environment.X;
    const joined = yield* this.compiler.find(space, starts, to.starts[0], scope);
    if (joined === null) return false;
    const blocks = new Set(joined.region.blocks.map(({ start }) => start));
    if (![...from.blocks, ...to.blocks].every((start) => blocks.has(start))) return false;
    return yield* this.keep(joined, generation, [from, to]);
  }

  /** Begins to translate a place without a region if it has become hot. */
  warm(place: number, eip: number): void {
    if (!this.cache.isHot(place, this.options.translateAfter >> 2)) return;
    if (this.isBusy || this.churnOf(place & ~PAGE_MASK) >= MAXIMUM_CHURN) return;
    this.translate(place, eip);
  }

  /** The VM that runs now has this address space. `work`: what has been done since places have cooled. */
  enter(space: AddressSpace, work: number): void {
    this.work = work;
    this.current = this.unfinished.of(space);
  }

  /** Whether the VM that runs has a translation to go on with. */
  get isBusy(): boolean {
    return this.current !== null;
  }

  /** Goes on with it by a step. */
  advance(): void {
    const { current, unfinished, environment: { X } } = this;
    if (current === null) return;
    const start = this.options.now();
    const { done, value } = current.steps.next();
    this.counters.microseconds += this.options.now() - start;
    if (!done) this.preparation += value;
    if (!done && !current.isGivenUp) return;
    if (unfinished.of(X.space) === current) unfinished.end(X.space);
    this.current = null;
  }

  /** Begins a translation; false if it has to wait for another one. */
  private start(
    place: number,
    replaces: readonly CompiledRegion[],
    steps: Generator<number, boolean>,
  ): boolean {
    const { unfinished, environment: { X } } = this;
    if (this.isBusy || unfinished.includes(place, replaces)) return false;
    const translation = { steps, place, replaces, frames: [], isGivenUp: false };
    unfinished.begin(X.space, translation);
    this.current = translation;
    if (this.options.translateAfter === 0) { while (this.isBusy) this.advance(); }
    return true;
  }

  private translate(place: number, eip: number): void {
    const { cache, environment: { X } } = this;
    const translateAfter = this.options.translateAfter * this.debt.factor;
    // Nearly every visit ends here, so that none of it may ask for the time.
    const near = cache.near(place, X.readTable);
    if (near !== null && this.isExtensible(near)) {
      if (!cache.isAbove(place, (translateAfter / 4) * (1 + near.generation))) return;
      this.start(place, [near], this.include(near, eip, place));
    } else if (cache.isAbove(place, translateAfter)) {
      this.start(place, [], this.begin(eip, place));
    }
  }

  /** Whether code beside the region is to become part of it, not a region of its own. */
  private isExtensible({ bytes, starts }: CompiledRegion): boolean {
    return (isCheap(bytes) || this.options.translateAfter === 0) && starts.length < MAXIMUM_STARTS;
  }

  /** Makes the region that `place` is near to anew, so that it can be entered there. */
  private *include(
    near: CompiledRegion,
    eip: number,
    place: number,
  ): Generator<number, boolean> {
    // Inside of it, the place becomes an entry.
    const starts = near.blocks.includes(eip) ? [...near.starts, eip] : near.starts;
    if (yield* this.regrow(near, starts, eip, near.habits)) return true;
    this.cache.part(place);
    if (!this.cache.isAbove(place, this.options.translateAfter)) return false;
    return yield* this.begin(eip, place);
  }

  /** A new region, or, if half of it is in a small one already, that one larger. */
  private *begin(eip: number, place: number): Generator<number, boolean> {
    const { cache, environment: { X } } = this;
    const scope = this.scope(NO_HABITS, []);
    const found = yield* this.compiler.find(X.space, [eip], eip, scope);
    if (found !== null) {
      const rival = cache.rival(found.insides, X.readTable);
      if (rival !== null && this.isExtensible(rival)) {
        if (yield* this.regrow(rival, [...rival.starts, eip], eip, rival.habits)) return true;
      }
      if (yield* this.keep(found, 0, [])) return true;
    }
    cache.freeze(place);
    return false;
  }

  /** Makes a region anew, if `eip` becomes part of it. */
  private *regrow(
    region: CompiledRegion,
    starts: readonly number[],
    eip: number,
    habits: Habits,
  ): Generator<number, boolean> {
    const generation = region.generation + 1;
    if (generation > MAXIMUM_GENERATION) return false;
    const scope = this.scope(habits, [region]);
    const { space } = this.environment.X;
    const grown = yield* this.compiler.find(space, starts, eip, scope);
    return grown !== null && (yield* this.keep(grown, generation, [region]));
  }

  /** `replaces`: regions of which all may be in it. */
  private scope(habits: Habits, replaces: readonly CompiledRegion[]): Scope {
    const after = this.options.translateAfter, all = after === 0;
    return {
      habits,
      wanted: (place) =>
        this.churnOf(place & ~PAGE_MASK) < MAXIMUM_CHURN &&
        (all || this.cache.isWarm(place, after >> RARE_SHIFT, after >> SLOW_SHIFT, this.work)),
      known: (place) =>
        this.cache.has(place) && !replaces.some(({ insides }) => insides.has(place)),
      found: ({ frames }) => {
        if (this.current !== null) this.current.frames = [...frames.values()];
        for (const page of frames.keys()) this.environment.X.space.protectCode(page);
      },
    };
  }

  /** Compiles a region, in place of others; false if its text is not what it must be. */
  private *keep(
    found: PrintedCode,
    generation: number,
    replaces: readonly CompiledRegion[],
  ): Generator<number, boolean> {
    const { cache, counters } = this;
    const source = this.compiler.source(found);
    this.options.emitted?.(source);
    if (this.vocabulary.check(source.slice(STRICT.length)) !== "") {
      counters.refused++;
      return false;
    }
    yield found.instructions * CHECK_WORK;
    const compiled = this.compiler.compile(found, source, generation);
    if (cache.bytes + compiled.bytes > this.options.codeBytes && cache.regions > 0) {
      cache.clear();
      counters.cleared++;
    }
    counters.translations++;
    this.debt.add(source.length);
    cache.add(compiled);
    for (const region of replaces) cache.remove(region);
    yield found.instructions * COMPILE_WORK;
    return true;
  }
}
