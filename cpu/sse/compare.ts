/**
 * SSE comparisons: CMPcc, (U)COMIS, MIN and MAX.
 *
 * Comparing is the same in both precisions, so a lane reads its operands as doubles; only what a NaN or
 * a denormal operand raises needs their encoding.
 */

import { DE, IE } from "../fpu/value.ts";
import { MEMORY_WORD, type Operation } from "../operation.ts";
import { type CpuState, MXCSR, SCRATCH } from "../state.ts";
import { type Lane, raise, result } from "./lane.ts";

const DENORMALS_ARE_ZERO = 0x40;
/** EFLAGS bits. */
const CF = 1, PF = 4, ZF = 0x40;

/** One precision's way to look at an operand. */
interface Format {
  readonly words: number;
  value(cpu: CpuState, s: number): number;
  isDenormal(cpu: CpuState, s: number): boolean;
  isSignalling(cpu: CpuState, s: number): boolean;
}

const single: Format = {
  words: 1,
  value: (cpu, s) => cpu.f32[s],
  isDenormal: (cpu, s) => (cpu.i32[s] & 0x7f800000) === 0 && (cpu.i32[s] & 0x7fffff) !== 0,
  isSignalling: (cpu, s) =>
    (cpu.i32[s] & 0x7fc00000) === 0x7f800000 && (cpu.i32[s] & 0x3fffff) !== 0,
};

const double: Format = {
  words: 2,
  value: (cpu, s) => cpu.f64[s >> 1],
  isDenormal: (cpu, s) =>
    (cpu.i32[s + 1] & 0x7ff00000) === 0 && (cpu.i32[s + 1] & 0xfffff | cpu.i32[s]) !== 0,
  isSignalling: (cpu, s) =>
    (cpu.i32[s + 1] & 0x7ff80000) === 0x7ff00000 &&
    (cpu.i32[s + 1] & 0x7ffff | cpu.i32[s]) !== 0,
};

/** The operands of the comparison that `look` saw last, denormals as DAZ has them. */
let left = 0, right = 0;

/** Reads the operands and returns what they raise; `quietIsInvalid`: any NaN raises IE. */
function look(
  cpu: CpuState,
  format: Format,
  d: number,
  s: number,
  quietIsInvalid: boolean,
): number {
  left = format.value(cpu, d);
  right = format.value(cpu, s);
  if (left !== left || right !== right) {
    return quietIsInvalid || format.isSignalling(cpu, d) || format.isSignalling(cpu, s) ? IE : 0;
  }
  const leftDenormal = format.isDenormal(cpu, d), rightDenormal = format.isDenormal(cpu, s);
  if (!leftDenormal && !rightDenormal) return 0;
  if ((cpu.i32[MXCSR] & DENORMALS_ARE_ZERO) === 0) return DE;
  if (leftDenormal) left = 0;
  if (rightDenormal) right = 0;
  return 0;
}

/** Predicates 0..3 of CMPcc: EQ, LT, LE, UNORD; 4..7 are their negations. */
function holds(predicate: number): boolean {
  switch (predicate & 3) {
    case 0:
      return left === right;
    case 1:
      return left < right;
    case 2:
      return left <= right;
    default:
      return left !== left || right !== right;
  }
}

function compareLane(
  cpu: CpuState,
  format: Format,
  d: number,
  s: number,
  predicate: number,
  out: number,
) {
  const ordered = (predicate & 3) === 1 || (predicate & 3) === 2;
  const flags = look(cpu, format, d, s, ordered);
  const mask = holds(predicate) !== (predicate & 4) > 0 ? -1 : 0;
  for (let i = 0; i < format.words; i++) result[out + i] = mask;
  return flags;
}

/** CMPcc of the lowest lane, or of all four words. */
function compare(format: Format, words: number): Operation {
  return (cpu, d, s, predicate) => {
    let flags = 0;
    for (let i = 0; i < words; i += format.words) {
      flags |= compareLane(cpu, format, d + i, s + i, predicate, i);
    }
    const fault = flags === 0 ? 0 : raise(cpu, flags);
    if (fault !== 0) return fault;
    for (let i = 0; i < words; i++) cpu.i32[d + i] = result[i];
    return 0;
  };
}

export const cmpss = compare(single, 1), cmpps = compare(single, 4);
export const cmpsd = compare(double, 2), cmppd = compare(double, 4);

/** COMIS and UCOMIS: CF, PF, ZF in SCRATCH, and what was compared in the buffer of operations. Nothing changes on an unmasked exception. */
function compareToFlags(format: Format, quietIsInvalid: boolean): Operation {
  return (cpu, d, s) => {
    const flags = look(cpu, format, d, s, quietIsInvalid);
    const fault = flags === 0 ? 0 : raise(cpu, flags);
    if (fault !== 0) return fault;
    cpu.f64[MEMORY_WORD >> 1] = left;
    cpu.f64[(MEMORY_WORD >> 1) + 1] = right;
    cpu.i32[SCRATCH] = left < right ? CF : left > right ? 0 : left === right ? ZF : ZF | PF | CF;
    return 0;
  };
}

export const comiss = compareToFlags(single, true), ucomiss = compareToFlags(single, false);
export const comisd = compareToFlags(double, true), ucomisd = compareToFlags(double, false);

/**
 * MIN and MAX: the destination if it is less (greater), else the source; so the source too if both are
 * zero or one is a NaN (SDM vol. 2, "MINSD").
 */
function extreme(format: Format, greatest: boolean): Lane {
  return (cpu, d, s, out) => {
    const flags = look(cpu, format, d, s, true);
    const from = (greatest ? left > right : left < right) ? d : s;
    const flush = (cpu.i32[MXCSR] & DENORMALS_ARE_ZERO) !== 0 && format.isDenormal(cpu, from);
    for (let i = 0; i < format.words; i++) result[out + i] = flush ? 0 : cpu.i32[from + i];
    if (flush) result[out + format.words - 1] = cpu.i32[from + format.words - 1] & 0x80000000;
    return flags;
  };
}

export const minSingle = extreme(single, false), maxSingle = extreme(single, true);
export const minDouble = extreme(double, false), maxDouble = extreme(double, true);
