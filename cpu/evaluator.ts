/**
 * The evaluator: runs guest code by calling one handler for each instruction.
 *
 * It is the tier for cold code, of every VM, for ever, so it is quick to start and allocates nothing while
 * it runs: an instruction is a handler (compiled once for each form, handlers.ts) and a few numbers in one
 * array; a decoded block is found by the pool address of its first byte, so that all VMs of an image share
 * it (code_cache.ts).
 *
 * While a block runs, EIP holds the address of its first byte; handlers add offsets. A handler's result
 * other than STEP_NEXT ends the block: see printer.ts. Code that changes the block which is running (its
 * frame is dropped during a store) makes that store's handler return STEP_LEAVE.
 */

import { buildBlock, buildStraddlingBlock, MAXIMUM_INSTRUCTION } from "./block_builder.ts";
import {
  BLOCK_COUNT,
  BLOCK_FRAME,
  BLOCK_HEADER,
  BLOCK_RUN_WORDS,
  BLOCK_SECOND_FRAME,
  BLOCK_UNFUSED,
  BlockCache,
  fastSlot,
  NO_BLOCK,
  NO_FRAME,
} from "./code_cache.ts";
import { effort, NO_EFFORT } from "./effort.ts";
import {
  type AddressSpace,
  type Engine,
  type EngineOptions,
  type EngineStats,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_WAIT,
  PAGE_MASK,
  PAGE_SIZE,
  PF_USER,
  type Pool,
  PREPARATION_LIMIT,
  PRESENT,
  RESOLVE_WAIT,
  X86_PF,
} from "./engine.ts";
import { flush } from "./fpu/pair.ts";
import { HandlerTable } from "./handlers.ts";
import { STEP_AFTER, STEP_LEAVE } from "./printer.ts";
import { createEnvironment, type Environment } from "./runtime.ts";
import { END_WORD, HANDLER_WORD, INSTRUCTION_WORDS, START_WORD } from "./shape.ts";
import { type CpuState, EIP, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "./state.ts";

/** What it costs to compile a handler and to decode an instruction, in instructions. */
const COMPILE_WORK = 5000, DECODE_WORK = 100;

/** What it takes to read the clock, as effort.ts counts. */
const CLOCK_WORK = 8;

/** Words of decoded code that are kept by default: 4 MiB, about 130,000 instructions. */
const DEFAULT_CODE_WORDS = 1 << 20;

export interface EvaluatorOptions extends EngineOptions {
  /** Words of decoded code that are kept; at least 1024. */
  readonly codeWords?: number;
  /** Handlers that are kept; default HANDLERS_MAXIMUM. */
  readonly handlersMaximum?: number;
  /** Is told the source of all code that is generated, before it is compiled. */
  readonly emitted?: (source: string) => void;
}

/**
 * Where `step` is to stop: WATCH_WORDS for each fastSlot, of which the first three are a place in the pool, how often
 * control has come there, and how often it may before `step` stops. It also stops at places that are not there.
 */
export type Watch = Int32Array;

/** They lie in one line of the processor's caches. */
export const WATCH_WORDS = 4, WATCH_PLACE = 0, WATCH_VISITS = 1, WATCH_LIMIT = 2;

const NO_WATCH: Watch = new Int32Array(0);

export class Evaluator implements Engine {
  preparation = 0;
  worked = 0;
  private readonly effort: Readonly<typeof effort>;
  private readonly pool: Pool;
  /** For what runs on top of it: cpu/translator/. */
  readonly environment: Environment;
  private readonly table: HandlerTable;
  private readonly cache: BlockCache;
  /** Whose state the working copy is. */
  private cpu: CpuState;
  /** The block that is running, or NO_BLOCK. */
  private current = NO_BLOCK;
  /** Instructions retired. */
  private evaluated = 0;

  constructor(options: EvaluatorOptions) {
    this.pool = options.pool;
    this.effort = options.exact ?? true ? NO_EFFORT : effort;
    this.environment = createEnvironment(options.pool, options.codeWords ?? DEFAULT_CODE_WORDS);
    this.table = new HandlerTable(
      this.environment,
      options.handlersMaximum,
      options.emitted,
    );
    this.cache = new BlockCache(this.environment.O);
    const { C, X } = this.environment;
    this.cpu = C;
    X.timestamp = () => {
      effort.units += CLOCK_WORK;
      this.cpu.retired = C.retired;
      return options.timestamp(this.cpu);
    };
  }

  dropFrame(frame: number): void {
    if (!this.cache.dropFrame(frame) || this.current === NO_BLOCK) return;
    const { O, X } = this.environment;
    const block = this.current;
    if (O[block + BLOCK_FRAME] === frame || O[block + BLOCK_SECOND_FRAME] === frame) {
      X.leave = STEP_LEAVE;
    }
  }

  run(cpu: CpuState, space: AddressSpace, budget: number): number {
    const before = cpu.retired;
    this.begin(cpu, space);
    const reason = this.execute(budget, false);
    this.end(cpu);
    this.worked = cpu.retired - before + this.effort.units;
    this.evaluated += cpu.retired - before;
    return reason;
  }

  stats(): EngineStats {
    return {
      name: "evaluator",
      handlers: this.table.handlers.length,
      regions: 0,
      bytes: 0,
      translations: 0,
      invalidations: 0,
      cleared: 0,
      deoptimizations: 0,
      refused: 0,
      microseconds: 0,
      evaluated: this.evaluated,
      translated: 0,
    };
  }

  /** Makes `cpu` and `space` what `step` works on. */
  begin(cpu: CpuState, space: AddressSpace): void {
    const { C, R, X } = this.environment;
    R.set(cpu.i32);
    X.space = space;
    X.readTable = space.readTable;
    X.writeTable = space.writeTable;
    X.mapping++;
    C.retired = cpu.retired;
    effort.units = 0;
    effort.maximum = Infinity;
    this.cpu = cpu;
  }

  /** Gives back the state that `begin` took. */
  end(cpu: CpuState): void {
    const { C, R } = this.environment;
    flush(C);
    cpu.i32.set(R);
    cpu.retired = C.retired;
  }

  /**
   * Runs a block, and those behind it up to a place that `watch` wants to know of, of at most `budget` instructions;
   * returns EXIT_BUDGET to go on. Without a watch it is one block.
   */
  step(budget: number, watch: Watch | null = null): number {
    const { C } = this.environment;
    const before = C.retired;
    const reason = this.execute(budget, watch === null, watch ?? undefined);
    this.evaluated += C.retired - before;
    return reason;
  }

  private execute(budget: number, once: boolean, watch: Watch = NO_WATCH): number {
    const { C, R, O, X } = this.environment;
    const { effort } = this;
    let watching = false;
    const { handlers } = this.table;
    const { fastPlaces, fastBlocks } = this.cache;
    let left = budget | 0;
    for (
      let go = true, isFirst = once || watch !== NO_WATCH;
      // The first block of a step is always run: who asks for it counts the effort.
      go && left > (isFirst ? 0 : effort.units);
      isFirst = false, go = !once && this.preparation < PREPARATION_LIMIT
    ) {
      const eip = R[EIP];
      const entry = X.readTable[eip >>> 12];
      const place = (entry & ~PAGE_MASK) | (eip & PAGE_MASK);
      const slot = fastSlot(place);
      if (watching) {
        const at = slot * WATCH_WORDS;
        if (watch[at + WATCH_PLACE] !== place) return EXIT_BUDGET;
        if (++watch[at + WATCH_VISITS] > watch[at + WATCH_LIMIT]) return EXIT_BUDGET;
      }
      watching = watch !== NO_WATCH;
      const block = (entry & PRESENT) !== 0 && fastPlaces[slot] === place
        ? fastBlocks[slot]
        : this.enter(eip);
      if (block === NO_BLOCK) return this.takeFault();
      this.current = block;
      let count = O[block + BLOCK_COUNT];
      const first = block + BLOCK_HEADER;
      let end = first + O[block + BLOCK_RUN_WORDS];
      const partial = count > left;
      // The budget may end between the two instructions of a fused pair.
      const parted = left === count - 1;
      if (partial) {
        if (parted) this.swapFused(block);
        count = left;
        end = first + left * INSTRUCTION_WORDS;
      }
      // What is retired when the block is through; corrected if it is left before.
      C.retired += count;
      left -= count;
      let position = first;
      let step = 0;
      for (; position < end; position += INSTRUCTION_WORDS) {
        step = handlers[O[position + HANDLER_WORD]](position);
        if (step !== 0) break;
      }
      this.current = NO_BLOCK;
      if (parted) this.swapFused(block);
      if (step === 0) {
        if (partial) R[EIP] += O[end - INSTRUCTION_WORDS + END_WORD];
        continue;
      }
      const reason = this.leave(step, first, position, count);
      if (reason === EXIT_BUDGET) {
        // Left in the middle because its code has changed: go on behind the instruction.
        left += count - ((position - first) / INSTRUCTION_WORDS + 1);
      } else {
        return reason;
      }
    }
    return EXIT_BUDGET;
  }

  /** Exchanges the handler of a fused pair with that of its first instruction alone. */
  private swapFused(block: number): void {
    const { O } = this.environment;
    const single = O[block + BLOCK_UNFUSED];
    if (single < 0) return;
    const pair = block + BLOCK_HEADER + (O[block + BLOCK_COUNT] - 2) * INSTRUCTION_WORDS;
    O[block + BLOCK_UNFUSED] = O[pair + HANDLER_WORD];
    O[pair + HANDLER_WORD] = single;
  }

  /** Accounts for a block that was left at `position`; returns the exit, or EXIT_BUDGET to go on. */
  private leave(step: number, first: number, position: number, count: number): number {
    const { C, R, O, X } = this.environment;
    X.leave = 0;
    X.fault = 0;
    let done = (position - first) / INSTRUCTION_WORDS;
    if (step === STEP_LEAVE || (step & STEP_AFTER) !== 0) {
      done++;
      R[EIP] += O[position + END_WORD];
    } else {
      R[EIP] += O[position + START_WORD];
    }
    C.retired -= count - done;
    return step === STEP_LEAVE ? EXIT_BUDGET : step & ~STEP_AFTER;
  }

  /** Forgets all code and its handlers. No block may be running. */
  private forget(): void {
    this.cache.clear();
    this.table.clear();
  }

  /** Finds or decodes the block at `eip`; NO_BLOCK after a fault of the fetch. */
  private enter(eip: number): number {
    const { cache } = this;
    const entry = this.fetch(eip);
    if (entry === 0) return NO_BLOCK;
    const place = (entry & ~PAGE_MASK) | (eip & PAGE_MASK);
    const known = cache.find(place);
    if (known !== NO_BLOCK) {
      if (this.environment.O[known + BLOCK_SECOND_FRAME] === NO_FRAME) {
        cache.remember(place, known);
        return known;
      }
      return this.enterStraddling(eip, place, known);
    }
    if (this.table.full) this.forget();
    const at = cache.begin();
    const { O, X } = this.environment;
    const handlers = this.table.handlers.length;
    const built = buildBlock(this.table, O, at, this.pool.u8, place);
    this.preparation += (this.table.handlers.length - handlers) * COMPILE_WORK;
    if (!built) return this.enterStraddling(eip, place, NO_BLOCK);
    this.preparation += O[at + BLOCK_COUNT] * DECODE_WORK;
    cache.commit(place);
    cache.remember(place, at);
    X.space.protectCode(eip >>> 12);
    return at;
  }

  /** The instruction at `eip` goes on in the next page. `known` = the block decoded before, if any. */
  private enterStraddling(eip: number, place: number, known: number): number {
    const { cache } = this;
    const { O, X } = this.environment;
    const next = (eip | PAGE_MASK) + 1;
    const entry = this.fetch(next);
    if (entry === 0) return NO_BLOCK;
    // Fetching the second page may have taken the first one's frame away.
    if ((X.readTable[eip >>> 12] & ~PAGE_MASK) !== (place & ~PAGE_MASK)) return this.enter(eip);
    const second = entry & ~PAGE_MASK;
    if (known !== NO_BLOCK && O[known + BLOCK_SECOND_FRAME] === second) return known;
    const room = PAGE_SIZE - (place & PAGE_MASK);
    const window = new Uint8Array(MAXIMUM_INSTRUCTION);
    for (let i = 0; i < MAXIMUM_INSTRUCTION; i++) {
      window[i] = this.pool.u8[i < room ? place + i : second + i - room];
    }
    if (this.table.full) this.forget();
    const at = cache.begin();
    const handlers = this.table.handlers.length;
    buildStraddlingBlock(this.table, O, at, window, place & ~PAGE_MASK, second);
    this.preparation += (this.table.handlers.length - handlers) * COMPILE_WORK + DECODE_WORK;
    cache.commit(place);
    X.space.protectCode(eip >>> 12);
    X.space.protectCode(next >>> 12);
    return at;
  }

  /** The read entry of the page of `address`, or 0 after recording a fault. */
  private fetch(address: number): number {
    const { R, X } = this.environment;
    const entry = X.readTable[address >>> 12];
    if ((entry & PRESENT) !== 0) return entry;
    X.mapping++;
    const resolved = X.space.resolve(address >>> 12, false);
    if (resolved > 0) return resolved;
    if (resolved === RESOLVE_WAIT) {
      X.fault = EXIT_WAIT;
    } else {
      X.fault = EXIT_EXCEPTION;
      R[EXIT_VECTOR] = X86_PF;
      R[EXIT_ERROR] = PF_USER;
      R[EXIT_ADDRESS] = address;
    }
    return 0;
  }

  private takeFault(): number {
    const { X } = this.environment;
    const reason = X.fault;
    X.fault = 0;
    return reason;
  }
}
