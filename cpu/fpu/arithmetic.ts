/**
 * x87 arithmetic: FADD FSUB FMUL FDIV in all their forms, FSQRT FABS FCHS FRNDINT FSCALE FXTRACT.
 *
 * NaN operands (Intel SDM vol. 1, table 4-7): a quiet NaN wins over a signalling one; of two of a kind
 * the one with the larger significand, made quiet.
 */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import { type CpuState, FPU_CONTROL } from "../state.ts";
import { add, divide, multiply, squareRoot } from "./exact.ts";
import { round, roundToIntegral } from "./rounding.ts";
import {
  isEmpty,
  isPending,
  isStopped,
  loadStack,
  overflows,
  pop,
  push,
  pushOverflow,
  report,
  stackWord,
  storeStack,
  underflows,
  unmasked,
} from "./stack.ts";
import {
  A,
  B,
  copy,
  copyQuiet,
  DE,
  DENORMAL,
  EXPONENT,
  FINITE,
  HIGH,
  IE,
  INFINITE,
  isNaNKind,
  KIND,
  LOW,
  QNAN,
  R,
  setDefaultNaN,
  setInfinite,
  setZero,
  SIGN,
  SNAN,
  unpackDouble,
  unpackInteger,
  unpackSingle,
  UNSUPPORTED,
  v,
  ZE,
  ZERO,
} from "./value.ts";

/** Exponents of the extended format. */
const MINIMUM = -16382, MAXIMUM = 16383;

export function roundingMode(cpu: CpuState): number {
  return cpu.i32[FPU_CONTROL] >> 10 & 3;
}

/** Rounds R to the extended format with `precision` bits. */
export function roundTo(cpu: CpuState, precision: number): number {
  return round(precision, MINIMUM, MAXIMUM, roundingMode(cpu), ~cpu.i32[FPU_CONTROL]);
}

/** Significand bits by the precision control field; 1 is reserved and acts as 3. */
const PRECISIONS = [24, 64, 53, 64];

function precision(cpu: CpuState): number {
  return PRECISIONS[cpu.i32[FPU_CONTROL] >> 8 & 3];
}

/** If one operand is no number: R is the result and the flags are returned, else -1. */
export function takeSpecial(): number {
  const a = v[A + KIND], b = v[B + KIND];
  if (a < QNAN && b < QNAN) return -1;
  if (a === UNSUPPORTED || b === UNSUPPORTED) {
    setDefaultNaN(R);
    return IE;
  }
  const flags = a === SNAN || b === SNAN ? IE : 0;
  if (!isNaNKind(b)) copyQuiet(R, A);
  else if (!isNaNKind(a)) copyQuiet(R, B);
  else if (a !== b) copyQuiet(R, a === QNAN ? A : B);
  else copyQuiet(R, largerSignificand());
  return flags;
}

/** Of two NaNs that with the larger significand; if those are equal, the positive one. */
function largerSignificand(): number {
  const high = (v[A + HIGH] >>> 0) - (v[B + HIGH] >>> 0);
  const low = (v[A + LOW] >>> 0) - (v[B + LOW] >>> 0);
  if (high !== 0) return high > 0 ? A : B;
  if (low !== 0) return low > 0 ? A : B;
  return v[A + SIGN] === 0 ? A : B;
}

/** DE if an operand of the computation is a denormal. */
export function denormalFlag(): number {
  return (v[A + DENORMAL] | v[B + DENORMAL]) !== 0 ? DE : 0;
}

/** Loads a memory operand into a value. */
export type Load = (cpu: CpuState, at: number, s: number) => void;

export const loadSingle: Load = (cpu, at, s) => unpackSingle(at, cpu.i32[s]);
export const loadDouble: Load = (cpu, at, s) => unpackDouble(at, cpu.i32[s], cpu.i32[s + 1]);
export const loadInteger16: Load = (cpu, at, s) => {
  const n = cpu.i32[s] << 16 >> 16;
  unpackInteger(at, n, n >> 31);
};
export const loadInteger32: Load = (cpu, at, s) => unpackInteger(at, cpu.i32[s], cpu.i32[s] >> 31);

/** Computes R from A and B; returns IE or ZE. */
type Compute = (mode: number) => number;

const compute: Record<string, Compute> = {
  add: (mode) => add(0, mode),
  sub: (mode) => add(1, mode),
  mul: () => multiply(),
  div: () => divide(),
};

/** The second half of an arithmetic instruction: operands are in A and B, the result goes to st(d). */
function finish(cpu: CpuState, d: number, run: Compute, pops: boolean): number {
  let flags = takeSpecial();
  if (flags < 0) {
    const denormal = denormalFlag();
    flags = run(roundingMode(cpu));
    if (flags === 0) flags = denormal;
  }
  if (isStopped(cpu, flags)) {
    report(cpu, flags);
    return 0;
  }
  flags |= roundTo(cpu, precision(cpu));
  storeStack(cpu, d);
  report(cpu, flags);
  if (pops) pop(cpu);
  return 0;
}

function underflow(cpu: CpuState, d: number, pops: boolean): number {
  if (underflows(cpu)) return 0;
  storeStack(cpu, d);
  if (pops) pop(cpu);
  return 0;
}

/** `name` is add, sub, mul or div; `reverse`: source op destination. */
export function stackArithmetic(name: string, reverse: boolean, pops: boolean): Operation {
  const run = compute[name];
  return (cpu, d, s) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, d) || isEmpty(cpu, s)) return underflow(cpu, d, pops);
    loadStack(cpu, reverse ? B : A, d);
    loadStack(cpu, reverse ? A : B, s);
    return finish(cpu, d, run, pops);
  };
}

/** The same with st(0) and a memory operand. */
export function memoryArithmetic(name: string, reverse: boolean, load: Load): Operation {
  const run = compute[name];
  return (cpu, _d, s) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, 0, false);
    loadStack(cpu, reverse ? B : A, 0);
    load(cpu, reverse ? A : B, s);
    return finish(cpu, 0, run, false);
  };
}

/** An instruction on st(0) alone; `run` makes R of A and returns flags, before rounding to `bits`. */
function unary(run: (cpu: CpuState) => number, bits: (cpu: CpuState) => number): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, 0, false);
    loadStack(cpu, A, 0);
    setZero(B, 0);
    let flags = takeSpecial();
    if (flags < 0) flags = run(cpu);
    if (!isStopped(cpu, flags)) {
      flags |= roundTo(cpu, bits(cpu));
      storeStack(cpu, 0);
    }
    report(cpu, flags);
    return 0;
  };
}

export const fsqrt = unary(() => {
  const denormal = denormalFlag(), flags = squareRoot();
  return flags === 0 ? denormal : flags;
}, precision);

export const frndint = unary((cpu) => {
  const denormal = denormalFlag();
  copy(R, A);
  return isStopped(cpu, denormal) ? denormal : denormal | roundToIntegral(roundingMode(cpu));
}, () => 64);

/** FABS and FCHS: the sign bit, whatever the rest is. */
function signOperation(change: (head: number) => number): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, 0, false);
    const w = stackWord(cpu, 0);
    cpu.u16[2 * w + 4] = change(cpu.u16[2 * w + 4]);
    report(cpu, 0);
    return 0;
  };
}

export const fabs = signOperation((head) => head & 0x7fff);
export const fchs = signOperation((head) => head ^ 0x8000);

/** FSCALE: st(0) * 2^trunc(st(1)). */
export function fscale(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) return underflow(cpu, 0, false);
  loadStack(cpu, A, 0);
  loadStack(cpu, B, 1);
  let flags = takeSpecial();
  if (flags < 0) {
    flags = denormalFlag();
    if (scale() !== 0) flags = IE;
  }
  if (!isStopped(cpu, flags)) {
    flags |= roundTo(cpu, 64);
    storeStack(cpu, 0);
  }
  report(cpu, flags);
  return 0;
}

/** R = A * 2^trunc(B); IE for infinity * 2^-infinity and 0 * 2^infinity. */
function scale(): number {
  const kind = v[A + KIND], sign = v[A + SIGN];
  if (v[B + KIND] === INFINITE) {
    if (kind === (v[B + SIGN] === 0 ? ZERO : INFINITE)) {
      setDefaultNaN(R);
      return IE;
    }
    if (v[B + SIGN] === 0) setInfinite(R, sign);
    else setZero(R, sign);
    return 0;
  }
  copy(R, A);
  if (kind === FINITE && v[B + KIND] === FINITE && v[B + EXPONENT] >= 0) {
    // More than 2^17 goes beyond every exponent already.
    const shift = v[B + EXPONENT];
    const n = shift > 16 ? 0x20000 : v[B + HIGH] >>> 31 - shift;
    v[R + EXPONENT] += v[B + SIGN] === 0 ? n : -n;
  }
  return 0;
}

/** FXTRACT: st(0) becomes its exponent, then its significand is pushed. */
export function fxtract(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0)) {
    if (underflows(cpu)) return 0;
    storeStack(cpu, 0);
    push(cpu);
    return 0;
  }
  if (overflows(cpu)) {
    pushOverflow(cpu);
    if (unmasked(cpu, IE) === 0) storeStack(cpu, 1);
    return 0;
  }
  loadStack(cpu, A, 0);
  setZero(B, 0);
  let flags = takeSpecial();
  const special = flags >= 0;
  if (!special) flags = v[A + KIND] === ZERO ? ZE : denormalFlag();
  if (!isStopped(cpu, flags)) {
    if (special) {
      storeStack(cpu, 0);
      push(cpu);
    } else {
      extract();
      storeStack(cpu, 0);
      copy(R, A);
      if (v[A + KIND] === FINITE) v[R + EXPONENT] = 0;
      push(cpu);
    }
  }
  report(cpu, flags);
  return 0;
}

/** R = the exponent of A as a number. */
function extract(): void {
  if (v[A + KIND] === ZERO) return setInfinite(R, 1);
  if (v[A + KIND] === INFINITE) return setInfinite(R, 0);
  const n = v[A + EXPONENT];
  unpackInteger(R, n, n >> 31);
}
