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
  findRegion,
  type Habits,
  MAXIMUM_INSTRUCTIONS,
  MAXIMUM_PAGES,
  type Region,
} from "./region.ts";
import type { CompiledRegion, RegionEntry, RegionFunction } from "./region_cache.ts";
import type { SlowAccesses } from "./slow_access.ts";
import { type PrintedRegion, printRegion } from "./region_printer.ts";
import { entrySpan } from "./way_printer.ts";

/** Operators, indices and calls. */
const MAXIMUM_OPERATORS = 7400;
const OPERATOR = /[=!<>]=+|[-+*|&^/%<>?]+|[[(.]/g;
/** A region of so few instructions is taken as it is. */
const SMALLEST_LIMIT = 20;

/** What may become part of a region. */
export interface Scope {
  /** At most so many instructions. */
  readonly limit: number;
  readonly habits: Habits;
  /** Whether the code at a place in the pool is worth it. */
  wanted(place: number): boolean;
  /** Whether a region can be entered there already. */
  known(place: number): boolean;
}

export interface PrintedCode {
  readonly region: Region;
  readonly printed: PrintedRegion;
  readonly habits: Habits;
  readonly instructions: number;
  /** Where code at an address lies in the pool, or -1. */
  place(address: number): number;
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
   * or only the evaluator can run what stands at the first of `starts`.
   */
  find(
    space: AddressSpace,
    starts: readonly number[],
    address: number,
    { limit, habits, wanted, known }: Scope,
  ): PrintedCode | null {
    for (let most = Math.min(limit, MAXIMUM_INSTRUCTIONS);;) {
      const window = new CodeWindow(this.pool.u8, space, MAXIMUM_PAGES);
      const place = (address: number) => window.place(address);
      const isWanted = (address: number) => place(address) >= 0 && wanted(place(address));
      const isKnown = (address: number) => known(place(address));
      const region = findRegion(window, starts, isWanted, most, habits, isKnown);
      if (region.blocks.length === 0 || region.blocks[0].start !== starts[0]) return null;
      if (!region.blocks.some(({ start }) => start === address)) return null;
      const printed = printRegion(region);
      const operators = printed.body.match(OPERATOR)!.length;
      const instructions = region.blocks.reduce((sum, block) => sum + block.instructions.length, 0);
      if (operators <= MAXIMUM_OPERATORS || most <= SMALLEST_LIMIT) {
        return { region, printed, habits, instructions, place };
      }
      most = Math.floor(0.9 * Math.min(most, instructions) * MAXIMUM_OPERATORS / operators);
    }
  }

  /** What `compile` is to compile: a function that makes the region's function. Its address shows up in profiles. */
  source({ printed: { body, names, operations, entries } }: PrintedCode): string {
    const known: readonly string[] = [...OWN, ...Object.keys(this.slow.accesses)];
    const own = names.filter((name) => known.includes(name));
    const shared = names.filter((name) => !own.includes(name) && !name.startsWith("op"));
    return `${STRICT}
const [${operations.map((_, number) => `op${number}`).join(",")}]=operations;
return function region${entries[0].address >>> 0}(block,left){
const {${shared.join(",")}}=environment,{${own.join(",")}}=own;
${body}
};`;
  }

  compile(
    { region, printed, habits, place }: PrintedCode,
    source: string,
    generation: number,
  ): CompiledRegion {
    const blocks = region.blocks.map(({ start }) => start);
    const inside = new Set(blocks);
    const exits = region.blocks.flatMap(({ targets }) => targets.filter((to) => !inside.has(to)));
    const compiled: CompiledRegion = {
      run: this.instantiate(printed, source),
      pages: region.pages,
      frames: region.frames,
      entries: [],
      starts: region.starts,
      blocks,
      insides: new Set(blocks.map(place)),
      around: [...blocks, ...new Set(exits)].map(place).filter((at) => at >= 0),
      generation,
      bails: printed.bails,
      sites: printed.sites.map((address) => ({ address, target: 0, count: 0, epoch: 0 })),
      habits,
      runs: 0,
      hops: 0,
      epoch: 0,
      bytes: source.length,
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
