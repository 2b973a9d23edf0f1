/**
 * Loads, stores, exchanges, sign changes and comparisons on pairs of doubles (pair.ts), or else by the
 * operations of load.ts, store.ts, compare.ts.
 */

import { CF, ZF } from "../flags.ts";
import { MEMORY_WORD, type Operation } from "../operation.ts";
import { type CpuState, FPU_CONTROL, FPU_STATUS, FPU_TAG, SCRATCH } from "../state.ts";
import * as arithmetic from "./arithmetic.ts";
import * as compare from "./compare.ts";
import { DOUBLE, loadOperand, physical, popPair, setPair, setStatus } from "./fast_arithmetic.ts";
import * as load from "./load.ts";
import { flush, high, highWords, isUsable, low, OPERAND } from "./pair.ts";
import * as store from "./store.ts";
import { C0, C1, C2, C3, ERROR_SUMMARY } from "./stack.ts";
import { NEAREST, PE, TOWARD_ZERO } from "./value.ts";

/** How the exact operations load, by kind of the operand. */
export const LOADS: readonly arithmetic.Load[] = [
  arithmetic.loadDouble,
  arithmetic.loadSingle,
  arithmetic.loadInteger16,
  arithmetic.loadInteger32,
  load.loadInteger64,
];

const TOP_MASK = 0x3800;
const MASKS = 0x3f;

/** An operation that does not know of pairs. */
export function flushed(operation: Operation): Operation {
  return (cpu, d, s, immediate) => {
    flush(cpu);
    return operation(cpu, d, s, immediate);
  };
}

/** The physical register that a push takes, or -1 if it is in use or an exception is pending. */
function pushTarget(cpu: CpuState): number {
  const status = cpu.i32[FPU_STATUS], p = (status >> 11) - 1 & 7;
  return (status & ERROR_SUMMARY) === 0 && (cpu.i32[FPU_TAG] >> 2 * p & 3) !== 0 ? p : -1;
}

function pushPair(cpu: CpuState, p: number): void {
  const status = cpu.i32[FPU_STATUS];
  cpu.i32[FPU_STATUS] = status & ~(TOP_MASK | C1) | p << 11;
  cpu.i32[FPU_TAG] &= ~(3 << 2 * p);
  setPair(cpu, p);
}

/** By kind of the operand. */
const exactPush: readonly Operation[] = LOADS.map((from, kind) =>
  kind === DOUBLE ? load.loadDouble : load.loadAs(from)
);

/** FLD m32, m64 and FILD; the immediate is the kind of the operand. */
export function fastPush(cpu: CpuState, d: number, s: number, code: number): number {
  const p = pushTarget(cpu);
  if (p >= 0 && loadOperand(cpu, s, code)) {
    high[p] = high[OPERAND];
    low[p] = low[OPERAND];
    pushPair(cpu, p);
    return 0;
  }
  flush(cpu);
  return exactPush[code](cpu, d, s, 0);
}

/** FLD1 and FLDZ; the immediate is the number. */
export function fastConstant(cpu: CpuState, d: number, s: number, code: number): number {
  const value = code;
  const p = pushTarget(cpu);
  if (p >= 0) {
    high[p] = value;
    low[p] = 0;
    pushPair(cpu, p);
    return 0;
  }
  flush(cpu);
  return (code === 1 ? load.fld1 : load.fldz)(cpu, d, s, 0);
}

export function fastLoadRegister(cpu: CpuState, d: number, s: number): number {
  const p = pushTarget(cpu), from = physical(cpu, s);
  if (p >= 0 && isUsable(cpu, from)) {
    high[p] = high[from];
    low[p] = low[from];
    pushPair(cpu, p);
    return 0;
  }
  flush(cpu);
  return load.loadRegister(cpu, d, s);
}

function isPending(cpu: CpuState): boolean {
  return (cpu.i32[FPU_STATUS] & ERROR_SUMMARY) !== 0;
}

/** FST st(i); the immediate 1: FSTP. */
export function fastStoreRegister(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code !== 0;
  const from = physical(cpu, 0), to = physical(cpu, s);
  if (!isPending(cpu) && isUsable(cpu, from)) {
    high[to] = high[from];
    low[to] = low[from];
    cpu.i32[FPU_TAG] &= ~(3 << 2 * to);
    setPair(cpu, to);
    setStatus(cpu, 0);
    if (pops) popPair(cpu);
    return 0;
  }
  flush(cpu);
  return (pops ? store.fstpRegister : store.fstRegister)(cpu, d, s, 0);
}

export function fastExchange(cpu: CpuState, d: number, s: number): number {
  const a = physical(cpu, 0), b = physical(cpu, s);
  if (!isPending(cpu) && isUsable(cpu, a) && isUsable(cpu, b)) {
    const value = high[a], rest = low[a];
    high[a] = high[b];
    low[a] = low[b];
    high[b] = value;
    low[b] = rest;
    setPair(cpu, a);
    setPair(cpu, b);
    setStatus(cpu, 0);
    return 0;
  }
  flush(cpu);
  return load.fxch(cpu, d, s);
}

/** FCHS; the immediate 1: FABS. */
export function fastSign(cpu: CpuState, d: number, s: number, code: number): number {
  const absolute = code !== 0;
  const p = physical(cpu, 0);
  if (!isPending(cpu) && isUsable(cpu, p)) {
    if (!absolute || highWords[2 * p + 1] < 0) {
      high[p] = -high[p];
      low[p] = -low[p];
    }
    setPair(cpu, p);
    setStatus(cpu, 0);
    return 0;
  }
  flush(cpu);
  return (absolute ? arithmetic.fabs : arithmetic.fchs)(cpu, d, s, 0);
}

/** Whether rounding the value to `rounded` took it away from zero; not if they are equal. */
function grew(value: number, rest: number, rounded: number): boolean {
  const difference = value - rounded;
  return (difference === 0 ? rest < 0 : difference < 0) === value > 0;
}

/** All exceptions masked, rounding to nearest. */
function roundsToNearest(cpu: CpuState): boolean {
  return (cpu.i32[FPU_CONTROL] & (MASKS | 0xc00)) === MASKS && !isPending(cpu);
}

/** FST m64; the immediate 1: FSTP. The pair has the nearest double. */
export function fastStoreDouble(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code !== 0;
  const p = physical(cpu, 0);
  if (roundsToNearest(cpu) && isUsable(cpu, p)) {
    const value = high[p], rest = low[p];
    cpu.f64[MEMORY_WORD >> 1] = value;
    setStatus(cpu, rest === 0 ? 0 : rest < 0 === value > 0 ? PE | C1 : PE);
    if (pops) popPair(cpu);
    return 0;
  }
  flush(cpu);
  return (pops ? store.fstpDouble : store.fstDouble)(cpu, d, s, 0);
}

/** The bits of a double that a float32 does not have, of the low word, when it lies in the middle. */
const BELOW_SINGLE = 0x1fffffff, MIDDLE = 0x10000000;

export function fastStoreSingle(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code !== 0;
  const p = physical(cpu, 0);
  if (roundsToNearest(cpu) && isUsable(cpu, p)) {
    const value = high[p], rest = low[p], magnitude = Math.abs(value);
    const middle = rest !== 0 && (highWords[2 * p] & BELOW_SINGLE) === MIDDLE;
    if ((magnitude > 2 ** -126 && magnitude < 2 ** 127 && !middle) || magnitude === 0) {
      const rounded = Math.fround(value);
      cpu.f32[MEMORY_WORD] = rounded;
      const same = rounded === value && rest === 0;
      setStatus(cpu, same ? 0 : grew(value, rest, rounded) ? PE | C1 : PE);
      if (pops) popPair(cpu);
      return 0;
    }
  }
  flush(cpu);
  return (pops ? store.fstpSingle : store.fstSingle)(cpu, d, s, 0);
}

/** Adding and taking it away rounds to an integer, to nearest even, what is less than 2^51. */
const INTEGER_ROUNDER = 1.5 * 2 ** 52;

/** Bits of the immediate of FIST and its kind. */
const POPS = 1, TRUNCATES = 2, SHORT = 4;
const exactStoreInteger: Operation[] = [];

/** The immediate for `fastStoreInteger`. */
export function storeIntegerCode(bits: 16 | 32, pops: boolean, truncate: boolean): number {
  const code = (pops ? POPS : 0) | (truncate ? TRUNCATES : 0) | (bits === 16 ? SHORT : 0);
  exactStoreInteger[code] = store.storeInteger(bits, pops, truncate);
  return code;
}

/** FIST, FISTP, FISTTP of 16 and 32 bits. */
export function fastStoreInteger(cpu: CpuState, d: number, s: number, code: number): number {
  const p = physical(cpu, 0), control = cpu.i32[FPU_CONTROL];
  const mode = (code & TRUNCATES) !== 0 ? TOWARD_ZERO : control >> 10 & 3;
  const limit = (code & SHORT) !== 0 ? 0x7fff : 0x7fffffff;
  const easy = (control & MASKS) === MASKS && (mode === NEAREST || mode === TOWARD_ZERO);
  if (easy && !isPending(cpu) && isUsable(cpu, p) && Math.abs(high[p]) < limit) {
    const value = high[p], rest = low[p];
    let rounded = (value + INTEGER_ROUNDER) - INTEGER_ROUNDER;
    if (mode === TOWARD_ZERO) {
      rounded = Math.trunc(value);
      // The rest is what makes it an integer.
      if (rounded === value && rest < 0 === value > 0 && rest !== 0) rounded -= value > 0 ? 1 : -1;
    }
    if (rest === 0 || Math.abs(value - rounded) !== 0.5) {
      cpu.i32[MEMORY_WORD] = rounded;
      const same = rounded === value && rest === 0;
      setStatus(cpu, same ? 0 : grew(value, rest, rounded) ? PE | C1 : PE);
      if ((code & POPS) !== 0) popPair(cpu);
      return 0;
    }
  }
  flush(cpu);
  return exactStoreInteger[code](cpu, d, s, 0);
}

/** 1, 0 or -1: pair `a` is greater, equal, less. */
function order(a: number, b: number): number {
  const x = high[a], y = high[b];
  if (x !== y) return x < y ? -1 : 1;
  const u = low[a], v = low[b];
  return u === v ? 0 : u < v ? -1 : 1;
}

function setOrder(cpu: CpuState, a: number, b: number): void {
  const sign = order(a, b);
  const conditions = sign > 0 ? 0 : sign === 0 ? C3 : C0;
  cpu.i32[FPU_STATUS] = cpu.i32[FPU_STATUS] & ~(C0 | C1 | C2 | C3) | conditions;
}

const QUIET = 4;
const exactCompareStack: Operation[] = [];

/** The immediate for `fastCompareStack`. */
export function compareStackCode(quiet: boolean, pops: number): number {
  const code = pops | (quiet ? QUIET : 0);
  exactCompareStack[code] = compare.compareStack(quiet, pops);
  return code;
}

/** FCOM and FUCOM with a register. */
export function fastCompareStack(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code & 3;
  const a = physical(cpu, 0), b = physical(cpu, s);
  if (!isPending(cpu) && isUsable(cpu, a) && isUsable(cpu, b)) {
    setOrder(cpu, a, b);
    if (pops > 0) popPair(cpu);
    if (pops > 1) popPair(cpu);
    return 0;
  }
  flush(cpu);
  return exactCompareStack[code](cpu, d, s, 0);
}

const exactCompareMemory: Operation[] = [];

/** The immediate for `fastCompareMemory`. */
export function compareMemoryCode(kind: number, pops: number): number {
  const code = pops | kind << 2;
  exactCompareMemory[code] = compare.compareMemory(LOADS[kind], pops);
  return code;
}

export function fastCompareMemory(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code & 3;
  const a = physical(cpu, 0);
  if (!isPending(cpu) && isUsable(cpu, a) && loadOperand(cpu, s, code >> 2)) {
    setOrder(cpu, a, OPERAND);
    if (pops > 0) popPair(cpu);
    return 0;
  }
  flush(cpu);
  return exactCompareMemory[code](cpu, d, s, 0);
}

export function fastTest(cpu: CpuState): number {
  const a = physical(cpu, 0);
  if (!isPending(cpu) && isUsable(cpu, a)) {
    high[OPERAND] = low[OPERAND] = 0;
    setOrder(cpu, a, OPERAND);
    return 0;
  }
  flush(cpu);
  return compare.ftst(cpu);
}

const exactCompareToFlags: Operation[] = [];

/** The immediate for `fastCompareToFlags`. */
export function compareToFlagsCode(quiet: boolean, pops: number): number {
  const code = pops | (quiet ? QUIET : 0);
  exactCompareToFlags[code] = compare.compareToFlags(quiet, pops);
  return code;
}

/** FCOMI and FUCOMI: C1 stays. */
export function fastCompareToFlags(cpu: CpuState, d: number, s: number, code: number): number {
  const pops = code & 1;
  const a = physical(cpu, 0), b = physical(cpu, s);
  if (!isPending(cpu) && isUsable(cpu, a) && isUsable(cpu, b)) {
    const sign = order(a, b);
    cpu.i32[SCRATCH] = sign > 0 ? 0 : sign === 0 ? ZF : CF;
    if (pops > 0) popPair(cpu);
    return 0;
  }
  flush(cpu);
  return exactCompareToFlags[code](cpu, d, s, 0);
}

/** FCMOVcc: as `fcmov` of load.ts. */
export function fastConditional(mask: number, negate: boolean, exact: Operation): Operation {
  return (cpu, d, s, immediate) => {
    const to = physical(cpu, 0), from = physical(cpu, s);
    if (!isPending(cpu) && isUsable(cpu, to) && isUsable(cpu, from)) {
      if (((cpu.i32[SCRATCH] & mask) !== 0) !== negate) {
        high[to] = high[from];
        low[to] = low[from];
        setPair(cpu, to);
      }
      return 0;
    }
    flush(cpu);
    return exact(cpu, d, s, immediate);
  };
}
