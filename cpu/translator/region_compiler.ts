/**
 * From hot code to a compiled function.
 *
 * The size of a region is bounded by its text, because it decides what V8 does: TurboFan refuses functions above
 * 61,440 bytes of bytecode. A region has 7.6 to 8.1 of them for each operator, index and call in its text, and 0.7
 * to 0.85 for each character.
 */

import { type AddressSpace, PAGE_MASK, type Pool } from "../engine.ts";
import type { Environment } from "../runtime.ts";
import { CodeWindow } from "./code_window.ts";
import {
  type Habits,
  MAXIMUM_INSTRUCTIONS,
  MAXIMUM_PAGES,
  type Region,
  searchRegion,
} from "./region.ts";
import {
  type CompiledRegion,
  type RegionEntry,
  type RegionFunction,
  UNSURE,
} from "./region_cache.ts";
import type { SlowAccesses } from "./slow_access.ts";
import { type PrintedRegion, RegionPrinter } from "./region_printer.ts";
import { entrySpan } from "./way_printer.ts";

/** Operators, indices and calls. */
const MAXIMUM_OPERATORS = 7400;
/** A region of so few instructions is taken as it is. */
const SMALLEST_LIMIT = 20;
/** What it costs to find and to print an instruction, in instructions; and how many are printed in one step. */
const FIND_WORK = 500, PRINT_WORK = 800, SLICE = 100;

/** What may become part of a region. */
export interface Scope {
  readonly habits: Habits;
  /** Whether the code at a place in the pool is worth it. */
  wanted(place: number): boolean;
  /** Whether a region can be entered there already. */
  known(place: number): boolean;
  /** Is told which code has been read. */
  found(window: CodeWindow): void;
}

export interface PrintedCode {
  readonly region: Region;
  readonly printed: PrintedRegion;
  readonly habits: Habits;
  readonly instructions: number;
  /** Places of its blocks, and of the code around them. */
  readonly insides: readonly number[];
  readonly around: readonly number[];
}

/** Names of what each region has for itself, besides the accesses of slow_access.ts. */
const OWN = ["E", "K", "S", "stopped"] as const;

/** What generated code begins with; cpu/vocabulary.ts is about the rest. */
export const STRICT = '"use strict";';

export class RegionCompiler {
  constructor(
    private readonly pool: Pool,
    private readonly environment: Environment,
    private readonly slow: SlowAccesses,
    private readonly stopped: () => boolean,
  ) {}

  /**
   * The largest region around `starts` that includes `address` and whose text is not too long; null: there is none,
   * or only the evaluator can run what stands at the first of `starts`. Yields after each step what that has cost.
   */
  *find(
    space: AddressSpace,
    starts: readonly number[],
    address: number,
    { habits, wanted, known, found }: Scope,
  ): Generator<number, PrintedCode | null> {
    for (let most = MAXIMUM_INSTRUCTIONS;;) {
      const window = new CodeWindow(this.pool.u8, space, MAXIMUM_PAGES);
      const place = (address: number) => window.place(address);
      const isWanted = (address: number) => place(address) >= 0 && wanted(place(address));
      const isKnown = (address: number) => known(place(address));
      const search = searchRegion(window, starts, isWanted, most, habits, isKnown);
      let step = search.next();
      for (; !step.done; step = search.next()) {
        found(window);
        yield step.value * FIND_WORK;
      }
      const region = step.value;
      if (region.blocks.length === 0 || region.blocks[0].start !== starts[0]) return null;
      if (!region.blocks.some(({ start }) => start === address)) return null;
      found(window);
      const blocks = region.blocks.map(({ start }) => start);
      const inside = new Set(blocks);
      const exits = region.blocks.flatMap(({ targets }) => targets.filter((to) => !inside.has(to)));
      const insides = blocks.map(place);
      const around = [...insides, ...[...new Set(exits)].map(place)].filter((at) => at >= 0);
      const instructions = region.blocks.reduce((sum, block) => sum + block.instructions.length, 0);
      yield (instructions % SLICE) * FIND_WORK;
      const printer = new RegionPrinter(region);
      const fits = () => printer.operators <= MAXIMUM_OPERATORS || most <= SMALLEST_LIMIT;
      while (printer.advance(SLICE) && fits()) yield SLICE * PRINT_WORK;
      if (fits()) {
        return { region, printed: printer.printed(), habits, instructions, insides, around };
      }
      most = Math.floor(0.9 * printer.instructions * MAXIMUM_OPERATORS / printer.operators);
    }
  }

  /**
   * What `compile` is to compile: a function that makes the region's function. Its address shows up in profiles. In
   * parentheses V8 compiles it at once, and does not read it twice.
   */
  source({ printed: { body, names, operations, entries } }: PrintedCode): string {
    const known: readonly string[] = [...OWN, ...Object.keys(this.slow.accesses)];
    const own = names.filter((name) => known.includes(name));
    const shared = names.filter((name) => !own.includes(name) && !name.startsWith("op"));
    return `${STRICT}
const [${operations.map((_, number) => `op${number}`).join(",")}]=operations;
return (function region${entries[0].address >>> 0}(block,left){
const {${shared.join(",")}}=environment,{${own.join(",")}}=own;
${body}
});`;
  }

  compile(
    { region, printed, habits, insides, around }: PrintedCode,
    source: string,
    generation: number,
  ): CompiledRegion {
    const compiled: CompiledRegion = {
      pages: region.pages,
      frames: region.frames,
      entries: [],
      starts: region.starts,
      blocks: region.blocks.map(({ start }) => start),
      insides: new Set(insides),
      around,
      generation,
      bails: printed.bails,
      sites: printed.sites.map((address) => ({ address, target: 0, count: 0, epoch: 0 })),
      habits,
      runs: 0,
      hops: 0,
      epoch: 0,
      bytes: source.length,
    };
    const run = this.instantiate(printed, source);
    const frames = new Map(region.pages.map((page, index) => [page, region.frames[index]]));
    const entries = printed.entries.map(({ address, need }, index): RegionEntry => ({
      run,
      // Integers: V8 would keep what may be a double in a box.
      address: address | 0,
      block: index + 1,
      need: need | 0,
      mapping: UNSURE,
      region: compiled,
      next: null,
      place: frames.get(address >>> 12)! | (address & PAGE_MASK),
    }));
    return Object.assign(compiled, { entries });
  }

  private instantiate({ operations, entries }: PrintedRegion, source: string): RegionFunction {
    const { first, span } = entrySpan(entries);
    const numbers = new Uint8Array(span);
    entries.forEach(({ address }, index) => numbers[address - first] = index + 1);
    const own: Record<typeof OWN[number], unknown> = {
      E: numbers,
      K: Int32Array.from([0, ...entries.map(({ need }) => need)]),
      S: this.slow.S,
      stopped: this.stopped,
    };
    const all = { ...own, ...this.slow.accesses };
    const make = new Function("environment", "own", "operations", source);
    return make(this.environment, all, operations);
  }
}
