/** x87 comparisons: FCOM FUCOM FICOM FTST FXAM to the condition codes, FCOMI FUCOMI to EFLAGS. */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import { type CpuState, FPU_STATUS, SCRATCH } from "../state.ts";
import { denormalFlag } from "./arithmetic.ts";
import {
  C0,
  C1,
  C2,
  C3,
  isEmpty,
  isPending,
  isStopped,
  loadStack,
  pop,
  report,
  setConditions,
  stackWord,
  underflows,
} from "./stack.ts";
import {
  A,
  B,
  DENORMAL,
  EXPONENT,
  FINITE,
  HIGH,
  IE,
  INFINITE,
  KIND,
  LOW,
  QNAN,
  setZero,
  SIGN,
  UNSUPPORTED,
  v,
  ZERO,
} from "./value.ts";

const UNORDERED = C3 | C2 | C0;

/** Condition codes for A against B, of which neither is a NaN. */
function order(): number {
  const a = rank(A), b = rank(B);
  if (a !== b) return a < b ? C0 : 0;
  if (v[A + KIND] !== FINITE) return C3;
  let difference = v[A + EXPONENT] - v[B + EXPONENT];
  if (difference === 0) difference = (v[A + HIGH] >>> 0) - (v[B + HIGH] >>> 0);
  if (difference === 0) difference = (v[A + LOW] >>> 0) - (v[B + LOW] >>> 0);
  if (difference === 0) return C3;
  return difference < 0 === (v[A + SIGN] === 0) ? C0 : 0;
}

/** -2 negative infinity, -1 negative, 0 zero, 1 positive, 2 positive infinity. */
function rank(at: number): number {
  const kind = v[at + KIND];
  const size = kind === ZERO ? 0 : kind === INFINITE ? 2 : 1;
  return v[at + SIGN] === 0 ? size : -size;
}

/** The condition codes of A against B; the flags they raise are in `raised`. */
let raised = 0;
function examine(quiet: boolean): number {
  const a = v[A + KIND], b = v[B + KIND];
  if (a >= QNAN || b >= QNAN) {
    raised = quiet && a <= QNAN && b <= QNAN ? 0 : IE;
    return UNORDERED;
  }
  raised = denormalFlag();
  return order();
}

function pops(cpu: CpuState, count: number): void {
  for (let i = 0; i < count; i++) pop(cpu);
}

/** Ends a comparison to condition codes, which are set even if the exception is unmasked. */
function finish(cpu: CpuState, quiet: boolean, popCount: number): number {
  setConditions(cpu, examine(quiet));
  report(cpu, raised);
  if (!isStopped(cpu, raised)) pops(cpu, popCount);
  return 0;
}

function underflow(cpu: CpuState, popCount: number): number {
  setConditions(cpu, UNORDERED);
  if (!underflows(cpu)) pops(cpu, popCount);
  return 0;
}

/** FCOM st(i); FUCOM if `quiet`. */
export function compareStack(quiet: boolean, popCount: number): Operation {
  return (cpu, _d, i) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0) || isEmpty(cpu, i)) return underflow(cpu, popCount);
    loadStack(cpu, A, 0);
    loadStack(cpu, B, i);
    return finish(cpu, quiet, popCount);
  };
}

export function compareMemory(
  load: (cpu: CpuState, at: number, s: number) => void,
  popCount: number,
): Operation {
  return (cpu, _d, s) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, popCount);
    loadStack(cpu, A, 0);
    load(cpu, B, s);
    return finish(cpu, false, popCount);
  };
}

export function ftst(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0)) return underflow(cpu, 0);
  loadStack(cpu, A, 0);
  setZero(B, 0);
  return finish(cpu, false, 0);
}

/** CF, PF, ZF for condition codes: C0, C2, C3. */
function eflags(conditions: number): number {
  return (conditions & C0) >> 8 | (conditions & C2) >> 8 | (conditions & C3) >> 8;
}

/** FCOMI and FUCOMI: C1 stays as it was; EFLAGS is set even if the exception is unmasked. */
export function compareToFlags(quiet: boolean, popCount: number): Operation {
  return (cpu, _d, i) => {
    if (isPending(cpu)) return X86_MF;
    let conditions = UNORDERED, stopped = false;
    if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
      stopped = underflows(cpu);
    } else {
      loadStack(cpu, A, 0);
      loadStack(cpu, B, i);
      conditions = examine(quiet);
      if (raised !== 0) report(cpu, cpu.i32[FPU_STATUS] & C1 | raised);
      stopped = isStopped(cpu, raised);
    }
    cpu.i32[SCRATCH] = eflags(conditions);
    if (!stopped) pops(cpu, popCount);
    return 0;
  };
}

/** FXAM: C3 C2 C0 = class, C1 = sign (SDM vol. 2, table 3-35). */
export function fxam(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  const sign = cpu.u16[2 * stackWord(cpu, 0) + 4] >> 15 !== 0 ? C1 : 0;
  setConditions(cpu, sign | classOf(cpu));
  return 0;
}

function classOf(cpu: CpuState): number {
  if (isEmpty(cpu, 0)) return C3 | C0;
  loadStack(cpu, A, 0);
  switch (v[A + KIND]) {
    case ZERO:
      return C3;
    case FINITE:
      return v[A + DENORMAL] !== 0 ? C3 | C2 : C2;
    case INFINITE:
      return C2 | C0;
    case UNSUPPORTED:
      return 0;
    default:
      return C0;
  }
}
