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

import { effort, NO_EFFORT } from "../effort.ts";
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
import type { Environment } from "../runtime.ts";
import {
  type CompiledRegion,
  COOLING_WORK,
  RegionCache,
  type RegionEntry,
  UNSURE,
} from "./region_cache.ts";
import { RegionCompiler } from "./region_compiler.ts";
import { RegionGrowth } from "./region_growth.ts";
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
 * that. So only what takes some thousandths of the time is translated: loops at once, the broad and flat work of a busy
 * server within ten seconds.
 */
const DEFAULT_TRANSLATE_AFTER = 4000;
/** By how much less a translated instruction is work than an evaluated one; see COOLING_WORK. */
const TRANSLATED_SHIFT = 3;
/**
 * Work of entering a region and leaving it, which counts if the engine need not be exact. A larger budget's
 * instructions are not a small integer any more.
 */
const ENTRY_WORK = 4, MAXIMUM_BUDGET = 1 << 26;
const DEFAULT_CODE_BYTES = 32 << 20;

/** Instructions of each of the first runs of a region. */
const TRAINING_BUDGET = 2000;
/** V8 knows the values of a module's own constants, but not of an import. */
const PAGE_BITS = PAGE_MASK, FRAME_BITS = ~PAGE_MASK, IS_PRESENT = PRESENT, INSTRUCTION = EIP;
const MOST_PREPARATION = PREPARATION_LIMIT, BUDGET = EXIT_BUDGET, NEW = UNSURE;
const HAS_LEFT = LEFT, HAS_ENDED = ENDED, BAILED = GAVE_UP;

export class Translator implements Engine {
  private readonly evaluator: Evaluator;
  private readonly environment: Environment;
  private readonly cache: RegionCache;
  private readonly slow: SlowAccesses;
  private readonly growth: RegionGrowth;
  private running: CompiledRegion | null = null;
  private empty = new Int32Array(0);
  /** Of the budget, when a region was entered last, and when it was left. */
  private remaining = 0;
  private readonly exact: boolean;
  private readonly effort: typeof effort;
  private readonly atOnce: boolean;
  worked = 0;
  /** By how much the last `run` has worked less than one unit for each instruction. */
  private spared = 0;
  private untilCool = COOLING_WORK;

  /** Since the start; see EngineStats. `retired`: by both tiers. */
  private readonly counters = {
    invalidations: 0,
    deoptimizations: 0,
    retired: 0,
  };

  constructor(options: TranslatorOptions) {
    this.evaluator = new Evaluator(options);
    this.environment = this.evaluator.environment;
    this.exact = options.exact ?? true;
    this.effort = this.exact ? { ...NO_EFFORT } : effort;
    this.atOnce = options.translateAfter === 0;
    this.slow = createSlowAccesses(this.environment);
    const translateAfter = options.translateAfter ?? DEFAULT_TRANSLATE_AFTER;
    this.cache = new RegionCache(translateAfter >> 2);
    const compiler = new RegionCompiler(options.pool, this.environment, this.slow, this.stopped);
    const growth = {
      translateAfter,
      codeBytes: options.codeBytes ?? DEFAULT_CODE_BYTES,
      now: options.now ?? (() => 0),
      emitted: options.emitted,
    };
    this.growth = new RegionGrowth(growth, this.environment, this.cache, compiler);
    const { C, X } = this.environment;
    const { timestamp } = X;
    X.timestamp = () => {
      const { retired } = C;
      if (this.running !== null) C.retired += this.remaining - this.slow.S[LEFT];
      const ticks = timestamp();
      C.retired = retired;
      if (effort.units > effort.maximum) X.leave = STEP_LEAVE;
      return ticks;
    };
  }

  get preparation(): number {
    return this.evaluator.preparation + this.growth.preparation;
  }

  set preparation(value: number) {
    this.evaluator.preparation = value;
    this.growth.preparation = 0;
  }

  stats(): EngineStats {
    const { retired, ...counters } = this.counters;
    const { handlers, evaluated } = this.evaluator.stats();
    const { regions, bytes } = this.cache;
    const translated = retired - evaluated;
    const grown = this.growth.counters;
    return {
      name: "translator",
      handlers,
      regions,
      bytes,
      ...counters,
      ...grown,
      evaluated,
      translated,
    };
  }

  dropFrame(frame: number): void {
    this.evaluator.dropFrame(frame);
    const dropped = this.cache.dropFrame(frame);
    this.counters.invalidations += dropped;
    this.growth.dropped(frame, dropped);
    if (this.running?.frames.includes(frame)) this.environment.X.leave = STEP_LEAVE;
  }

  run(cpu: CpuState, space: AddressSpace, budget: number): number {
    const before = cpu.retired;
    this.evaluator.begin(cpu, space);
    this.cache.bound(this.environment.X);
    this.growth.enter(space, COOLING_WORK - this.untilCool);
    const reason = this.execute(budget | 0);
    this.evaluator.end(cpu);
    this.worked = cpu.retired - before - this.spared + this.effort.units;
    this.counters.retired += cpu.retired - before;
    if (this.untilCool < 0) {
      this.growth.cool();
      this.untilCool = COOLING_WORK;
    }
    return reason;
  }

  private execute(all: number): number {
    const { C, R, X } = this.environment;
    const { cache, evaluator, exact, effort, growth, atOnce } = this;
    X.nearRead = X.readTable;
    X.nearWrite = X.writeTable;
    const budget = exact ? all : Math.min(all, MAXIMUM_BUDGET);
    let left = budget;
    this.spared = 0;
    let last: CompiledRegion | null = null;
    for (let go = true; go && left > effort.units; go = this.preparation < MOST_PREPARATION) {
      if (growth.isBusy) growth.advance();
      const eip = R[INSTRUCTION];
      const mapped = X.readTable[eip >>> 12];
      if ((mapped & IS_PRESENT) !== 0) {
        const place = (mapped & FRAME_BITS) | (eip & PAGE_BITS);
        let entry = cache.find(place, eip, X);
        // Where a budget ended says nothing about what is hot.
        if (entry === null && left !== budget) {
          growth.warm(place, eip);
          if (atOnce) entry = cache.find(place, eip, X);
        }
        if (entry !== null && (entry.need <= left || !exact)) {
          const rest = left - effort.units;
          const given = exact ? left : Math.max(rest << TRANSLATED_SHIFT, entry.need);
          effort.maximum = left;
          if (last !== null && last !== entry.region && growth.samples()) {
            growth.hop(last, entry.region);
          }
          last = entry.region;
          const reason = this.enter(entry, given);
          effort.maximum = Infinity;
          const done = given - this.remaining;
          const light = done >> TRANSLATED_SHIFT;
          const work = exact ? done : light + ENTRY_WORK;
          C.retired += done;
          left -= work;
          this.spared += done - work;
          this.untilCool -= light;
          if (reason !== BUDGET) return reason;
          if (done !== 0) continue;
        }
      }
      last = null;
      const before = C.retired;
      // A region may have come and gone with all of a small budget.
      const reason = evaluator.step(Math.max(left, 1), growth.isBusy ? null : cache.table);
      left -= C.retired - before;
      this.untilCool -= C.retired - before;
      if (reason !== BUDGET) return reason;
    }
    return BUDGET;
  }

  /** Runs a region; `remaining` is then what is left of the budget. */
  private enter(entry: RegionEntry, left: number): number {
    const { R, X } = this.environment;
    const { S } = this.slow;
    const { region } = entry;
    this.running = region;
    X.leave = 0;
    const isNew = entry.mapping === NEW;
    const beyond = isNew ? this.train(region, left, entry.need) : 0;
    this.remaining = left - beyond;
    const reason = entry.run(entry.block, left - beyond);
    if (isNew) this.endTraining();
    this.remaining = S[HAS_LEFT] + beyond;
    const ended = S[HAS_ENDED];
    if (ended === BAILED) {
      const [address, done] = region.bails[R[INSTRUCTION]];
      R[INSTRUCTION] = address;
      this.remaining -= done;
    } else if (ended !== 0 && this.growth.samples()) {
      this.growth.observe(region, region.sites[ended - FIRST_SITE], R[INSTRUCTION]);
    }
    if (X.leave !== 0 && this.effort.units <= this.effort.maximum) {
      this.counters.deoptimizations++;
    }
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

  private endTraining(): void {
    const { X } = this.environment;
    this.slow.S[HIDDEN] = 0;
    X.nearRead = X.readTable;
    X.nearWrite = X.writeTable;
  }

  /** A page table without any page: an index behind the end of a table would make V8 compare all of them slowly. */
  private noPages(length: number): Int32Array {
    if (this.empty.length < length) this.empty = new Int32Array(length);
    return this.empty;
  }

  /** Generated code asks this after each access by the slow path: whether it must leave. */
  private readonly stopped = (): boolean => {
    const { X } = this.environment;
    return X.fault !== 0 || X.leave !== 0;
  };
}
