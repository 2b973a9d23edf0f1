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
  EXIT_BUDGET,
  PAGE_MASK,
  PAGE_SIZE,
  PREPARATION_LIMIT,
  PRESENT,
} from "../engine.ts";
import { Evaluator, type EvaluatorOptions } from "../evaluator.ts";
import { STEP_LEAVE } from "../printer.ts";
import { type CpuState, EIP } from "../state.ts";
import type { Environment } from "../runtime.ts";
import { findRegion, MAXIMUM_INSTRUCTIONS, type Region } from "./region.ts";
import { type CompiledRegion, RegionCache } from "./region_cache.ts";
import { LEFT_WORD, type PrintedRegion, printRegion } from "./region_printer.ts";

export interface TranslatorOptions extends EvaluatorOptions {
  /** How often a place is run by the evaluator before it is translated; at least 1. */
  readonly translateAfter?: number;
  /** Instructions in regions that are kept; when there are more, all regions are forgotten. */
  readonly regionInstructions?: number;
}

/** Compiling an instruction costs as much as evaluating it some hundred times. */
const DEFAULT_TRANSLATE_AFTER = 300;
const DEFAULT_REGION_INSTRUCTIONS = 200_000;

/**
 * Characters of a region, each about one byte of bytecode. TurboFan refuses functions above 61,440 bytes of
 * bytecode and optimises large ones late; larger regions were no faster.
 */
const MAXIMUM_TEXT = 16_000, SMALLEST_LIMIT = 40;

/** What it costs to translate an instruction, in instructions: 10 to 20 µs. */
const TRANSLATE_WORK = 2000;

const NO_FRAME = -1;

export class Translator implements Engine {
  private readonly evaluator: Evaluator;
  private readonly environment: Environment;
  private readonly cache = new RegionCache();
  private readonly translateAfter: number;
  private readonly room: number;
  private used = 0;
  /** What the region that is running was made from: its frame, and where its page must be mapped. */
  private frame = NO_FRAME;
  private page = 0;

  /** Counters since the start. */
  readonly counters = { regions: 0, instructions: 0, dropped: 0, cleared: 0 };

  constructor(private readonly options: TranslatorOptions) {
    this.evaluator = new Evaluator(options);
    this.environment = this.evaluator.environment;
    this.translateAfter = options.translateAfter ?? DEFAULT_TRANSLATE_AFTER;
    this.room = options.regionInstructions ?? DEFAULT_REGION_INSTRUCTIONS;
  }

  get preparation(): number {
    return this.evaluator.preparation;
  }

  set preparation(value: number) {
    this.evaluator.preparation = value;
  }

  dropFrame(frame: number): void {
    this.evaluator.dropFrame(frame);
    if (this.cache.dropFrame(frame)) this.counters.dropped++;
    if (frame === this.frame) this.environment.X.leave = STEP_LEAVE;
  }

  run(cpu: CpuState, space: AddressSpace, budget: number): number {
    this.evaluator.begin(cpu, space);
    const reason = this.execute(budget | 0);
    this.environment.R[LEFT_WORD] = 0;
    this.evaluator.end(cpu);
    return reason;
  }

  private execute(budget: number): number {
    const { C, R, X } = this.environment;
    const { cache, evaluator } = this;
    let left = budget;
    for (let go = true; go && left > 0; go = evaluator.preparation < PREPARATION_LIMIT) {
      const eip = R[EIP];
      const entry = X.readTable[eip >>> 12];
      if ((entry & PRESENT) !== 0) {
        const place = (entry & ~PAGE_MASK) | (eip & PAGE_MASK);
        const region = cache.find(place) ?? this.warm(place, eip);
        if (region !== null) {
          const block = region.entries[eip & PAGE_MASK];
          if (region.counts[block] <= left) {
            const reason = this.runRegion(region, block, left, eip);
            const after = R[LEFT_WORD];
            C.retired += left - after;
            const progress = after !== left;
            left = after;
            if (reason !== EXIT_BUDGET) return reason;
            if (progress) continue;
          }
        }
      }
      const before = C.retired;
      const reason = evaluator.step(left);
      left -= C.retired - before;
      if (reason !== EXIT_BUDGET) return reason;
    }
    return EXIT_BUDGET;
  }

  private runRegion(region: CompiledRegion, block: number, left: number, eip: number): number {
    const { X } = this.environment;
    this.frame = region.frame;
    this.page = eip >>> 12;
    X.leave = 0;
    const reason = region.run(block, left);
    X.leave = 0;
    X.fault = 0;
    this.frame = NO_FRAME;
    return reason;
  }

  /** Generated code asks this after each access by the slow path: whether it must leave. */
  private readonly stopped = (): boolean => {
    const { X } = this.environment;
    return X.fault !== 0 || X.leave !== 0 ||
      (X.readTable[this.page] & ~PAGE_MASK) !== this.frame;
  };

  /** Counts a place without a region, and translates it if it has become hot. */
  private warm(place: number, eip: number): CompiledRegion | null {
    const { cache } = this;
    if (cache.heatOf(place) <= this.translateAfter) return null;
    const { region, printed } = this.print(place);
    const hot = region.blocks.find(({ start }) => start === (place & PAGE_MASK));
    if (hot === undefined) {
      cache.cool(place);
      return null;
    }
    const compiled = this.compile(region, printed);
    this.environment.X.space.protectCode(eip >>> 12);
    cache.add(compiled);
    return compiled;
  }

  /** The largest region at `place` whose text is not too long. */
  private print(place: number): { region: Region; printed: PrintedRegion } {
    for (let limit = MAXIMUM_INSTRUCTIONS;; limit >>= 1) {
      const region = findRegion(this.options.pool.u8, place, limit);
      const printed = printRegion(region);
      if (printed.body.length <= MAXIMUM_TEXT || limit <= SMALLEST_LIMIT) {
        return { region, printed };
      }
    }
  }

  private compile(region: Region, printed: PrintedRegion): CompiledRegion {
    const counts = Int32Array.from([0, ...region.blocks.map((block) => block.instructions.length)]);
    const entries = new Uint8Array(PAGE_SIZE);
    region.blocks.forEach(({ start }, index) => entries[start] = index + 1);
    const instructions = counts.reduce((sum, count) => sum + count, 0);
    if (this.used + instructions > this.room) {
      this.cache.clear();
      this.used = 0;
      this.counters.cleared++;
    }
    this.used += instructions;
    this.preparation += instructions * TRANSLATE_WORK;
    this.counters.regions++;
    this.counters.instructions += instructions;
    const { body, names, operations } = printed;
    const own = ["E", "K", "stopped"];
    const source = `"use strict";
const {${
      names.filter((name) => !own.includes(name) && !name.startsWith("op")).join(",")
    }}=environment;
const [${operations.map((_, number) => `op${number}`).join(",")}]=operations;
return function region(block,left){
${body}
};`;
    const make = new Function("environment", "operations", ...own, source);
    const run = make(this.environment, operations, entries, counts, this.stopped);
    return { run, frame: region.frame, entries, counts };
  }
}
