/**
 * The translator: runs cold code by the evaluator and hot code as compiled regions.
 *
 * Control comes back here between the blocks of cold code and after each region. A place that control has
 * come to `translateAfter` times becomes the start of a region (region.ts), which is printed
 * (region_printer.ts), compiled, and shared by all VMs that map its frame.
 *
 * Rules:
 * - Both tiers work on the evaluator's copy of the state, so changing from one to the other costs nothing.
 * - A region that retires nothing leaves its instruction to the evaluator: the rest of a budget that ends in
 *   a block, a store into translated code, instructions that only the evaluator knows.
 * - Whoever changes or frees a frame calls `dropFrame` first. A region whose frame is dropped, or whose page
 *   is mapped elsewhere, while it runs, leaves before the instruction that caused it.
 */

import {
  type AddressSpace,
  type Engine,
  type EngineStats,
  EXIT_BUDGET,
  PAGE_MASK,
  PREPARATION_LIMIT,
  PRESENT,
} from "../engine.ts";
import { Evaluator, type EvaluatorOptions } from "../evaluator.ts";
import { STEP_LEAVE } from "../printer.ts";
import { type CpuState, EIP } from "../state.ts";
import { Vocabulary } from "../vocabulary.ts";
import type { Environment } from "../runtime.ts";
import type { Habits } from "./region.ts";
import { type CompiledRegion, RegionCache, type RegionEntry, type Site } from "./region_cache.ts";
import { type PrintedCode, RegionCompiler, type Scope, STRICT } from "./region_compiler.ts";
import {
  createSlowAccesses,
  ENDED,
  FIRST_SITE,
  GAVE_UP,
  HIDDEN,
  LEFT,
  type SlowAccesses,
} from "./slow_access.ts";

export interface TranslatorOptions extends EvaluatorOptions {
  /** How often a place is run by the evaluator before it is translated; 0: at once. */
  readonly translateAfter?: number;
  /** Characters of JavaScript in regions that are kept; before there are more, all are forgotten. */
  readonly codeBytes?: number;
}

/**
 * A region costs ten to some hundred milliseconds until V8 has optimised it, and runs slower than the evaluator before
 * that. So only what takes a percent or more of the time is translated: loops at once, the broad and flat work
 * of a server hardly ever.
 */
const DEFAULT_TRANSLATE_AFTER = 20_000;
/**
 * What counts for a place is halved after so much work: evaluated instructions, translated ones being an eighth.
 * That is about an eighth of a second.
 */
const COOLING_WORK = 1 << 24, TRANSLATED_SHIFT = 3;
/**
 * Work of entering a region and leaving it, which counts if the engine need not be exact. A larger budget's
 * instructions are not a small integer any more.
 */
const ENTRY_WORK = 4, MAXIMUM_BUDGET = 1 << 26;
const DEFAULT_CODE_BYTES = 32 << 20;

/** Entries of a region that were asked for one by one. */
const MAXIMUM_STARTS = 24;

/** The first runs of a region, and the instructions of each. */
const TRAINING_RUNS = 16, TRAINING_BUDGET = 2000;

/** The size of a region at first; each time that it is made anew it may be twice as large. */
const FIRST_INSTRUCTIONS = 400;

/** A way out of a region costs less than evaluating a place, so that it may be used more often. */
const HABIT_FACTOR = 4;
/**
 * Code that has run less often than this part of the threshold stays outside of a region: when it runs for the first
 * time in optimised code, V8 drops that code.
 */
const RARE_SHIFT = 6;

/** Code of a frame that is written so often stays with the evaluator. */
const MAXIMUM_CHURN = 16;

/** Computed jumps of a region whose targets are known. */
const MAXIMUM_HABITS = 16;
const NO_HABITS: Habits = new Map();

/** What it costs to translate an instruction, in instructions: 10 to 20 µs. */
const TRANSLATE_WORK = 2000;

export class Translator implements Engine {
  private readonly evaluator: Evaluator;
  private readonly environment: Environment;
  private readonly cache = new RegionCache();
  private readonly slow: SlowAccesses;
  private readonly compiler: RegionCompiler;
  private readonly translateAfter: number;
  private readonly vocabulary: Vocabulary;
  private readonly codeBytes: number;
  private readonly now: () => number;
  private running: CompiledRegion | null = null;
  private empty = new Int32Array(0);
  private remaining = 0;
  private readonly exact: boolean;
  worked = 0;
  /** By how much the last `run` has worked less than one unit for each instruction. */
  private spared = 0;
  private untilCool = COOLING_WORK;
  /** How often regions of a frame have been dropped lately. */
  private readonly churn = new Map<number, number>();
  /** How often places have cooled. */
  private epoch = 0;

  /** Since the start; see EngineStats. `retired`: by both tiers. */
  private readonly counters = {
    translations: 0,
    invalidations: 0,
    cleared: 0,
    deoptimizations: 0,
    refused: 0,
    microseconds: 0,
    retired: 0,
  };

  constructor(private readonly options: TranslatorOptions) {
    this.evaluator = new Evaluator(options);
    this.environment = this.evaluator.environment;
    this.translateAfter = options.translateAfter ?? DEFAULT_TRANSLATE_AFTER;
    this.vocabulary = new Vocabulary(Object.keys(this.environment));
    this.codeBytes = options.codeBytes ?? DEFAULT_CODE_BYTES;
    this.now = options.now ?? (() => 0);
    this.exact = options.exact ?? true;
    this.slow = createSlowAccesses(this.environment);
    this.compiler = new RegionCompiler(options.pool, this.environment, this.slow, this.stopped);
  }

  get preparation(): number {
    return this.evaluator.preparation;
  }

  set preparation(value: number) {
    this.evaluator.preparation = value;
  }

  stats(): EngineStats {
    const { retired, ...counters } = this.counters;
    const { handlers, evaluated } = this.evaluator.stats();
    const { regions, bytes } = this.cache;
    const translated = retired - evaluated;
    return { name: "translator", handlers, regions, bytes, ...counters, evaluated, translated };
  }

  dropFrame(frame: number): void {
    this.evaluator.dropFrame(frame);
    const dropped = this.cache.dropFrame(frame);
    this.counters.invalidations += dropped;
    if (dropped > 0) this.churn.set(frame, this.churnOf(frame) + 1);
    if (this.running?.frames.includes(frame)) this.environment.X.leave = STEP_LEAVE;
  }

  private churnOf(frame: number): number {
    return this.churn.get(frame) ?? 0;
  }

  run(cpu: CpuState, space: AddressSpace, budget: number): number {
    const before = cpu.retired;
    this.evaluator.begin(cpu, space);
    const reason = this.execute(budget | 0);
    this.evaluator.end(cpu);
    this.worked = cpu.retired - before - this.spared;
    this.counters.retired += cpu.retired - before;
    if (this.untilCool < 0) {
      this.cool();
      this.untilCool = COOLING_WORK;
    }
    return reason;
  }

  private cool(): void {
    this.cache.cool();
    for (const [frame, count] of this.churn) {
      if (count > 1) this.churn.set(frame, count >> 1);
      else this.churn.delete(frame);
    }
    this.epoch++;
  }

  private execute(all: number): number {
    const { C, R, X } = this.environment;
    const { cache, evaluator, exact } = this;
    const budget = exact ? all : Math.min(all, MAXIMUM_BUDGET);
    let left = budget;
    this.spared = 0;
    for (let go = true; go && left > 0; go = evaluator.preparation < PREPARATION_LIMIT) {
      const eip = R[EIP];
      const mapped = X.readTable[eip >>> 12];
      if ((mapped & PRESENT) !== 0) {
        const place = (mapped & ~PAGE_MASK) | (eip & PAGE_MASK);
        const found = cache.find(place, eip, X.readTable);
        // Where a budget ended says nothing about what is hot.
        const entry = found !== null || left === budget ? found : this.warm(place, eip);
        if (entry !== null && (entry.need <= left || !exact)) {
          const given = exact ? left : Math.max(left << TRANSLATED_SHIFT, entry.need);
          const reason = this.enter(entry, given);
          const done = given - this.remaining;
          const light = done >> TRANSLATED_SHIFT;
          const work = exact ? done : light + ENTRY_WORK;
          C.retired += done;
          left -= work;
          this.spared += done - work;
          this.untilCool -= light;
          if (reason !== EXIT_BUDGET) return reason;
          if (done !== 0) continue;
        }
      }
      const before = C.retired;
      const reason = evaluator.step(left);
      left -= C.retired - before;
      this.untilCool -= C.retired - before;
      if (reason !== EXIT_BUDGET) return reason;
    }
    return EXIT_BUDGET;
  }

  /** Runs a region; `remaining` is then what is left of the budget. */
  private enter({ region, block, need }: RegionEntry, left: number): number {
    const { R, X } = this.environment;
    const { S } = this.slow;
    this.running = region;
    X.leave = 0;
    X.nearRead = X.readTable;
    X.nearWrite = X.writeTable;
    const beyond = region.runs < TRAINING_RUNS ? this.train(region, left, need) : 0;
    const reason = region.run(block, left - beyond);
    S[HIDDEN] = 0;
    this.remaining = S[LEFT] + beyond;
    const ended = S[ENDED];
    if (ended === GAVE_UP) {
      const [address, done] = region.bails[R[EIP]];
      R[EIP] = address;
      this.remaining -= done;
    } else if (ended !== 0) this.observe(region, region.sites[ended - FIRST_SITE], R[EIP]);
    if (X.leave !== 0) this.counters.deoptimizations++;
    X.leave = 0;
    X.fault = 0;
    this.running = null;
    return reason;
  }

  /**
   * The first runs of a region are short, and half of them look up or call for every access: V8 has then seen all
   * three ways of each before it optimises them. Returns what of the budget is kept for later.
   */
  private train(region: CompiledRegion, left: number, need: number): number {
    const { X } = this.environment;
    const run = region.runs++ & 3;
    this.slow.S[HIDDEN] = run < 2 ? -1 : 0;
    if (run === 0) X.nearRead = X.nearWrite = this.noPages(X.readTable.length);
    return Math.max(left - Math.max(TRAINING_BUDGET, need), 0);
  }

  /** A page table without any page: an index behind the end of a table would make V8 compare all of them slowly. */
  private noPages(length: number): Int32Array {
    if (this.empty.length < length) this.empty = new Int32Array(length);
    return this.empty;
  }

  /** A computed jump has left the region. If it always goes to the same address, that becomes part of it. */
  private observe(region: CompiledRegion, site: Site, target: number): void {
    if (site.target !== target) site.count = 0;
    if (site.epoch !== this.epoch) site.count >>= 1;
    site.target = target;
    site.epoch = this.epoch;
    const enough = (1 + HABIT_FACTOR * this.translateAfter) * (1 + region.generation);
    if (++site.count !== enough || region.habits.size >= MAXIMUM_HABITS) return;
    const learned = new Map(region.habits);
    learned.set(site.address, [...learned.get(site.address) ?? [], target]);
    this.timed(() => this.regrow(region, region.starts, target, learned));
  }

  /** Generated code asks this after each access by the slow path: whether it must leave. */
  private readonly stopped = (): boolean => {
    const { X } = this.environment;
    return X.fault !== 0 || X.leave !== 0;
  };

  /** Counts a place without a region, and translates it if it has become hot. */
  private warm(place: number, eip: number): RegionEntry | null {
    const { cache } = this;
    if (!cache.isHot(place, this.translateAfter >> 2)) return null;
    if (this.churnOf(place & ~PAGE_MASK) >= MAXIMUM_CHURN) return null;
    return this.translate(place, eip);
  }

  private timed<T>(work: () => T): T {
    const start = this.now();
    const result = work();
    this.counters.microseconds += this.now() - start;
    return result;
  }

  /**
   * A place inside of a region, or where one ends, is not translated by itself: the region is made anew around it.
   * That is less and less worth it, the more often it has happened.
   */
  private translate(place: number, eip: number): RegionEntry | null {
    const { cache } = this;
    const { readTable, space } = this.environment.X;
    // Nearly every visit ends here, so that none of it may ask for the time.
    const near = cache.near(place, readTable);
    if (near !== null && near.starts.length < MAXIMUM_STARTS) {
      const least = (this.translateAfter >> 2) * (1 + near.generation);
      if (!cache.isAbove(place, least)) return null;
      // Inside of it, the place becomes an entry.
      const starts = near.blocks.includes(eip) ? [...near.starts, eip] : near.starts;
      const grown = this.timed(() => this.regrow(near, starts, eip, near.habits));
      if (grown) return cache.find(place, eip, readTable);
      cache.part(place);
    }
    if (!cache.isAbove(place, this.translateAfter)) return null;
    const made = this.timed(() => {
      const found = this.compiler.find(space, [eip], eip, this.scope(NO_HABITS, 0));
      return found !== null && this.keep(found, 0);
    });
    if (!made) {
      cache.freeze(place);
      return null;
    }
    return cache.find(place, eip, readTable);
  }

  /** Makes a region anew, if `eip` becomes part of it. */
  private regrow(
    region: CompiledRegion,
    starts: readonly number[],
    eip: number,
    habits: Habits,
  ): boolean {
    const generation = region.generation + 1;
    const scope = this.scope(habits, generation);
    const grown = this.compiler.find(this.environment.X.space, starts, eip, scope);
    if (grown === null || !this.keep(grown, generation)) return false;
    this.cache.remove(region);
    return true;
  }

  private scope(habits: Habits, generation: number): Scope {
    const all = this.translateAfter === 0;
    return {
      limit: FIRST_INSTRUCTIONS * 2 ** generation,
      habits,
      wanted: (place) =>
        this.churnOf(place & ~PAGE_MASK) < MAXIMUM_CHURN &&
        (all || this.cache.isWarm(place, this.translateAfter >> RARE_SHIFT)),
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
    if (cache.bytes + compiled.bytes > this.codeBytes && cache.regions > 0) {
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
