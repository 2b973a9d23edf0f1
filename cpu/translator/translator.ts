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
import type { Environment } from "../runtime.ts";
import { CodeWindow } from "./code_window.ts";
import { findRegion, MAXIMUM_INSTRUCTIONS, MAXIMUM_PAGES, type Region } from "./region.ts";
import {
  type CompiledRegion,
  RegionCache,
  type RegionEntry,
  type RegionFunction,
} from "./region_cache.ts";
import { entrySpan, LEFT_WORD, type PrintedRegion, printRegion } from "./region_printer.ts";

export interface TranslatorOptions extends EvaluatorOptions {
  /** How often a place is run by the evaluator before it is translated; at least 1. */
  readonly translateAfter?: number;
  /** Characters of JavaScript in regions that are kept; before there are more, all are forgotten. */
  readonly codeBytes?: number;
}

/** Compiling an instruction costs as much as evaluating it some hundred times. */
const DEFAULT_TRANSLATE_AFTER = 300;
const DEFAULT_CODE_BYTES = 32 << 20;

/**
 * Characters of a region, each about one byte of bytecode. TurboFan refuses functions above 61,440 bytes of
 * bytecode and optimises large ones late; larger regions were no faster.
 */
const MAXIMUM_TEXT = 16_000, SMALLEST_LIMIT = 40;

/** What it costs to translate an instruction, in instructions: 10 to 20 µs. */
const TRANSLATE_WORK = 2000;

export class Translator implements Engine {
  private readonly evaluator: Evaluator;
  private readonly environment: Environment;
  private readonly cache = new RegionCache();
  private readonly translateAfter: number;
  private readonly codeBytes: number;
  private readonly now: () => number;
  private running: CompiledRegion | null = null;

  /** Since the start; see EngineStats. `retired`: by both tiers. */
  private readonly counters = {
    translations: 0,
    invalidations: 0,
    cleared: 0,
    deoptimizations: 0,
    microseconds: 0,
    retired: 0,
  };

  constructor(private readonly options: TranslatorOptions) {
    this.evaluator = new Evaluator(options);
    this.environment = this.evaluator.environment;
    this.translateAfter = options.translateAfter ?? DEFAULT_TRANSLATE_AFTER;
    this.codeBytes = options.codeBytes ?? DEFAULT_CODE_BYTES;
    this.now = options.now ?? (() => 0);
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
    this.counters.invalidations += this.cache.dropFrame(frame);
    if (this.running?.frames.includes(frame)) this.environment.X.leave = STEP_LEAVE;
  }

  run(cpu: CpuState, space: AddressSpace, budget: number): number {
    this.evaluator.begin(cpu, space);
    const reason = this.execute(budget | 0);
    this.environment.R[LEFT_WORD] = 0;
    this.counters.retired += this.environment.C.retired - cpu.retired;
    this.evaluator.end(cpu);
    return reason;
  }

  private execute(budget: number): number {
    const { C, R, X } = this.environment;
    const { cache, evaluator } = this;
    let left = budget;
    for (let go = true; go && left > 0; go = evaluator.preparation < PREPARATION_LIMIT) {
      const eip = R[EIP];
      const mapped = X.readTable[eip >>> 12];
      if ((mapped & PRESENT) !== 0) {
        const place = (mapped & ~PAGE_MASK) | (eip & PAGE_MASK);
        const entry = cache.find(place, eip, X.readTable) ?? this.warm(place, eip);
        if (entry !== null && entry.need <= left) {
          const reason = this.enter(entry, left);
          const after = R[LEFT_WORD];
          C.retired += left - after;
          const progress = after !== left;
          left = after;
          if (reason !== EXIT_BUDGET) return reason;
          if (progress) continue;
        }
      }
      const before = C.retired;
      const reason = evaluator.step(left);
      left -= C.retired - before;
      if (reason !== EXIT_BUDGET) return reason;
    }
    return EXIT_BUDGET;
  }

  private enter(entry: RegionEntry, left: number): number {
    const { X } = this.environment;
    this.running = entry.region;
    X.leave = 0;
    const reason = entry.region.run(entry.block, left);
    if (X.leave !== 0) this.counters.deoptimizations++;
    X.leave = 0;
    X.fault = 0;
    this.running = null;
    return reason;
  }

  /** Generated code asks this after each access by the slow path: whether it must leave. */
  private readonly stopped = (): boolean => {
    const { X } = this.environment;
    return X.fault !== 0 || X.leave !== 0;
  };

  /** Counts a place without a region, and translates it if it has become hot. */
  private warm(place: number, eip: number): RegionEntry | null {
    const { cache } = this;
    if (cache.heatOf(place) <= this.translateAfter) return null;
    const start = this.now();
    const translated = this.translate(eip);
    this.counters.microseconds += this.now() - start;
    if (translated === null) cache.cool(place);
    return translated;
  }

  private translate(eip: number): RegionEntry | null {
    const found = this.print(eip);
    if (found === null) return null;
    const { region, printed } = found;
    const compiled = this.compile(region, printed);
    for (const page of region.pages) this.environment.X.space.protectCode(page);
    this.cache.add(compiled);
    return compiled.entries[0];
  }

  /** The largest region at `eip` whose text is not too long; null: only the evaluator can run it. */
  private print(eip: number): { region: Region; printed: PrintedRegion } | null {
    const { space } = this.environment.X;
    const all = this.translateAfter === 0;
    for (let limit = MAXIMUM_INSTRUCTIONS;; limit >>= 1) {
      const window = new CodeWindow(this.options.pool.u8, space, MAXIMUM_PAGES);
      const wanted = (address: number) => {
        const place = window.place(address);
        return place >= 0 && (all || this.evaluator.hasRun(place));
      };
      const region = findRegion(window, eip, wanted, limit);
      if (region.blocks.length === 0 || region.blocks[0].start !== eip) return null;
      const printed = printRegion(region);
      if (printed.body.length <= MAXIMUM_TEXT || limit <= SMALLEST_LIMIT) {
        return { region, printed };
      }
    }
  }

  private compile(region: Region, printed: PrintedRegion): CompiledRegion {
    const instructions = region.blocks.reduce((sum, block) => sum + block.instructions.length, 0);
    const bytes = printed.body.length;
    if (this.cache.bytes + bytes > this.codeBytes && this.cache.regions > 0) {
      this.cache.clear();
      this.counters.cleared++;
    }
    this.preparation += instructions * TRANSLATE_WORK;
    this.counters.translations++;
    const compiled: CompiledRegion = {
      run: this.instantiate(printed),
      pages: region.pages,
      frames: region.frames,
      entries: [],
      bytes,
    };
    const frames = new Map(region.pages.map((page, index) => [page, region.frames[index]]));
    const entries = printed.entries.map(({ address, need }, index): RegionEntry => ({
      region: compiled,
      address,
      place: frames.get(address >>> 12)! | (address & PAGE_MASK),
      block: index + 1,
      need,
      next: null,
    }));
    return Object.assign(compiled, { entries });
  }

  private instantiate({ body, names, operations, entries, bails }: PrintedRegion): RegionFunction {
    const { first, span } = entrySpan(entries);
    const numbers = new Uint8Array(span);
    entries.forEach(({ address }, index) => numbers[address - first] = index + 1);
    const own = {
      E: numbers,
      K: Int32Array.from([0, ...entries.map(({ need }) => need)]),
      BX: Int32Array.from(bails.map(([address]) => address)),
      BD: Int32Array.from(bails.map(([, done]) => done)),
      stopped: this.stopped,
    };
    const shared = names.filter((name) => !(name in own) && !name.startsWith("op"));
    const source = `"use strict";
const {${shared.join(",")}}=environment;
const [${operations.map((_, number) => `op${number}`).join(",")}]=operations;
return function region${entries[0].address >>> 0}(block,left){
${body}
};`;
    const make = new Function("environment", "operations", ...Object.keys(own), source);
    return make(this.environment, operations, ...Object.values(own));
  }
}
