/**
 * The contract between whatever executes guest instructions (the evaluator, the translator) and
 * whatever owns memory and devices (the kernel).
 *
 * Rules:
 * - An engine never throws for anything a guest does; it returns an exit.
 * - An instruction that faults has no effect: EIP is at it and it can be run again.
 * - `run` retires at most `budget` instructions, and exactly `budget` if it returns EXIT_BUDGET. Two
 *   exceptions: it returns EXIT_BUDGET earlier once `preparation` has reached PREPARATION_LIMIT; and an
 *   engine that need not be exact (EngineOptions.exact) counts in `worked`, and may exceed the budget.
 *   A REP string instruction is one instruction however often it repeats, but may be
 *   left in the middle (ECX, ESI, EDI advanced, EIP at it) to bound the time of one `run`;
 *   each such part counts as one retired instruction.
 */

import type { CpuState } from "./state.ts";

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
export const PAGE_MASK = PAGE_SIZE - 1;

/** Set in every valid page table entry, so that 0 means "take the slow path". */
export const PRESENT = 1;

/** The selectors a guest sees, the same as a 32-bit process sees on x86-64 Linux. */
export const CODE_SELECTOR = 0x23;
export const DATA_SELECTOR = 0x2b;

// Exits of Engine.run. Details lie in the EXIT_ words of the state.
/** The budget is used up. */
export const EXIT_BUDGET = 0;
/** IN, OUT, INS or OUTS: EIP at it, EXIT_NEXT_EIP behind it. The kernel performs it, sets EIP and counts it as retired. */
export const EXIT_IO_REQUEST = 1;
/** Idle-with-timeout: EAX = microseconds, EIP behind it. */
export const EXIT_IDLE = 2;
/** Terminate: EAX = exit code, EIP behind it. */
export const EXIT_TERMINATE = 3;
/** IRET: EIP at it. The kernel pops the frame, sets EIP and counts it as retired. */
export const EXIT_IRET = 4;
/** EXIT_VECTOR, EXIT_ERROR, EXIT_ADDRESS; EIP at the instruction (faults) or behind it (#BP, #OF). */
export const EXIT_EXCEPTION = 5;
/** A page is not in memory yet: EIP at the instruction; run it again when the page is there. */
export const EXIT_WAIT = 6;

export const IO_IN = 0, IO_OUT = 1, IO_INS = 2, IO_OUTS = 3;

// Exception vectors (Intel SDM vol. 3, table 6-1).
export const X86_DE = 0, X86_DB = 1, X86_BP = 3, X86_OF = 4, X86_BR = 5, X86_UD = 6, X86_NM = 7;
export const X86_GP = 13, X86_PF = 14, X86_MF = 16, X86_AC = 17, X86_XM = 19;

/** #PF error code bits: the access was a write; the access came from user mode (always set). */
export const PF_WRITE = 2, PF_USER = 4;

/** The cell's memory, cut into frames of PAGE_SIZE bytes. All views cover the same buffer. */
export interface Pool {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly view: DataView;
}

/** Results of AddressSpace.resolve that are not an entry. */
export const RESOLVE_FAULT = 0;
export const RESOLVE_WAIT = -1;

/**
 * One VM's memory as an engine sees it.
 *
 * The tables are a cache of the VM's page map: `entry = table[address >>> 12]` is a frame's byte
 * offset in the pool with PRESENT set, or 0 (or undefined, beyond the end) for the slow path. They
 * change only inside `resolve` and `protectCode`, or between runs.
 */
export interface AddressSpace {
  readonly readTable: Int32Array;
  readonly writeTable: Int32Array;
  /**
   * Slow path for page number 0..2^20-1: an entry, RESOLVE_FAULT or RESOLVE_WAIT. Never throws. It may
   * give the page that it was asked for another frame (copy on write), but takes no other page away: an
   * instruction that has found all of its pages there must be able to finish.
   */
  resolve(page: number, write: boolean): number;
  /**
   * The engine has cached code decoded from this (readable) page: later writes to its frame must
   * take the slow path, and call CodeCache.dropFrame before they happen.
   */
  protectCode(page: number): void;
}

/** What the kernel calls when the bytes of a frame that holds cached code change or are freed. */
export interface CodeCache {
  /** `frame` is the byte offset of the frame in the pool. Cheap if nothing is cached for it. */
  dropFrame(frame: number): void;
}

/**
 * Preparation after which `run` returns, in units of about one instruction's time: about 3 ms. A guest
 * that meets new code all the time would otherwise make its quantum as long as it likes.
 */
export const PREPARATION_LIMIT = 400_000;

export interface Engine extends CodeCache {
  /**
   * What decoding and compiling have cost since the owner last set this to 0, in units of about one
   * instruction's time. An engine without it prepares nothing.
   */
  preparation?: number;
  /**
   * What the last `run` has done, in units of about one evaluated instruction's time: one that takes much
   * longer counts as many (effort.ts). An engine without it does a unit per instruction, and so do all that
   * are exact.
   */
  readonly worked?: number;
  /** Runs the VM until an exit; returns one of EXIT_*. `cpu.retired` grows by what was retired. */
  run(cpu: CpuState, space: AddressSpace, budget: number): number;
  /** A copy of the counters. */
  stats(): EngineStats;
}

export type EngineName = "evaluator" | "translator";

/**
 * What an engine holds and has done since it was made. The evaluator translates nothing: its counters of
 * translations are 0.
 */
export interface EngineStats {
  readonly name: EngineName;
  /** Handlers of the evaluator that are kept, one for each form of instruction that was met. */
  readonly handlers: number;
  /** Regions of translated code that are kept, and the characters of their JavaScript. */
  readonly regions: number;
  readonly bytes: number;
  /** Regions that were ever translated. */
  readonly translations: number;
  /** Translations that were forgotten because a frame that they were made from changed or was freed. */
  readonly invalidations: number;
  /** Times all translations were forgotten because there was no more room for them. */
  readonly cleared: number;
  /**
   * Times a running region had to be left because what it was made from changed or moved. Not those of
   * V8, which drops optimised machine code on its own and tells nobody.
   */
  readonly deoptimizations: number;
  /** Regions whose text was refused (cpu/vocabulary.ts), a bug of ours: the evaluator runs them. */
  readonly refused: number;
  /**
   * Spent finding, printing and compiling regions, by EngineOptions.now. V8 compiles a region to bytecode
   * when it first runs and to machine code later, on a thread of its own: neither is in it.
   */
  readonly microseconds: number;
  /** Instructions retired by the evaluator and by translated code. */
  readonly evaluated: number;
  readonly translated: number;
}

/** What an engine needs from its surroundings. */
export interface EngineOptions {
  readonly pool: Pool;
  /** RDTSC: an integer below 2^53 that never decreases. */
  timestamp(cpu: CpuState): number;
  /**
   * False: a budget is about time and not a number of instructions, so that the engine may go on to a place
   * where stopping is cheap: microseconds, however small the budget. Default: true.
   */
  readonly exact?: boolean;
  /** Microseconds for EngineStats; nothing else depends on it. Default: none pass. */
  now?(): number;
}
