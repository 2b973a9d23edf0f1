/**
 * FADD, FSUB, FMUL, FDIV, FSQRT and their kind on pairs of doubles (pair.ts), rounded exactly as the processor
 * does, or else left to the operations of arithmetic.ts.
 *
 * Sums and products of doubles come with their errors, themselves doubles (Knuth's two-sum, Dekker's product:
 * see cpu/sse/inexact.ts). So a result is known as a nearest double and a rest, and rounding to 64 bits is
 * rounding the rest to a multiple of a power of two, which adding and taking away a large number does.
 *
 * A sum is known exactly. A product of pairs, a quotient and a root are known with an error of at most 2^-39
 * units in the last place of 64 bits: if the rest is nearer than that to a multiple or to the middle between
 * two, it is not known what the processor would do, and this gives up.
 */

import type { Operation } from "../operation.ts";
import { type CpuState, FPU_CONTROL, FPU_LIVE, FPU_STALE, FPU_STATUS, FPU_TAG } from "../state.ts";
import {
  EXPONENTS,
  flush,
  high,
  highWords,
  isUsable,
  LEAST_EXPONENT,
  low,
  OPERAND,
  POWERS,
  RESULT,
} from "./pair.ts";
import { fsqrt } from "./arithmetic.ts";
import { C1, ERROR_SUMMARY } from "./stack.ts";
import { PE } from "./value.ts";

const TOP_MASK = 0x3800;
/** All exceptions masked, 64 bits of precision, rounding to nearest: what FNINIT sets. */
const CONTROL_BITS = 0xf3f, CONTROL_DEFAULT = 0x33f;

/** By biased exponent of a number: 1.5 * 2^52 units in the last place of its 64 bits. */
const ROUNDERS = new Float64Array(2047);
for (let i = 100; i < 2047; i++) ROUNDERS[i] = 1.5 * 2 ** (i - 1023 - 11);
/** Of a rounder: a bit less than half a unit, and a bound of the error of products. */
const NEARLY_HALF = (1 - 2 ** -30) / 3 * 2 ** -52, UNCERTAIN = 2 ** -88;

/** Instead of flags: the pairs do not say what the processor would do. */
const GIVEN_UP = -1;

/** The physical register of st(i). */
export function physical(cpu: CpuState, i: number): number {
  return (cpu.i32[FPU_STATUS] >> 11) + i & 7;
}

/** The value of register `p`, which is in use, is in its pair and not in its bytes. */
export function setPair(cpu: CpuState, p: number): void {
  cpu.i32[FPU_LIVE] |= 1 << p;
  cpu.i32[FPU_STALE] |= 1 << p;
}

/** Pops a register that is in use. */
export function popPair(cpu: CpuState): void {
  const status = cpu.i32[FPU_STATUS], p = status >> 11 & 7;
  cpu.i32[FPU_TAG] |= 3 << 2 * p;
  cpu.i32[FPU_LIVE] &= ~(1 << p);
  cpu.i32[FPU_STATUS] = status & ~TOP_MASK | status + 0x800 & TOP_MASK;
}

/** Clears C1 and sets flags. */
export function setStatus(cpu: CpuState, flags: number): void {
  cpu.i32[FPU_STATUS] = cpu.i32[FPU_STATUS] & ~C1 | flags;
}

/**
 * Rounds the sum of the pair RESULT, of which `high` is the nearest double, to 64 bits in pair `d`; `exact`:
 * the sum is exactly the result. Returns PE and C1 as they apply, or GIVEN_UP, having changed nothing.
 */
function settle(d: number, exact: boolean): number {
  const value = high[RESULT], rest = low[RESULT], top = highWords[2 * RESULT + 1];
  let exponent = top >>> 20 & 0x7ff;
  const moderate = (exponent - LEAST_EXPONENT) >>> 0 < EXPONENTS;
  if (rest === 0) {
    if (!exact || !(moderate || value === 0)) return GIVEN_UP;
    high[d] = value;
    low[d] = 0;
    return 0;
  }
  if (!moderate) return GIVEN_UP;
  // Below a power of two the units are half as large.
  if ((top & 0xfffff | highWords[2 * RESULT]) === 0 && rest < 0 === value > 0) exponent--;
  const rounder = ROUNDERS[exponent];
  const rounded = (rest + rounder) - rounder, error = rest - rounded;
  if (!exact && isUncertain(error, rounder)) return GIVEN_UP;
  const sum = value + rounded;
  high[d] = sum;
  low[d] = rounded - (sum - value);
  return flagsOf(error, value);
}

/** Whether what rounding cut off is so near to nothing or to half a unit that it may be that. */
function isUncertain(error: number, rounder: number): boolean {
  const distance = Math.abs(error);
  return distance < rounder * UNCERTAIN || distance > rounder * NEARLY_HALF;
}

function flagsOf(error: number, value: number): number {
  return error === 0 ? 0 : error < 0 === value > 0 ? PE | C1 : PE;
}

/** Pair d = pair a + sign * pair b, `sign` being 1 or -1. */
function add(a: number, b: number, d: number, sign: number): number {
  const x = high[a], y = sign * high[b], sum = x + y, part = sum - x;
  // The exponent is that of the result, most of the time, and there is work to do until it is here.
  high[RESULT] = sum;
  const exponent = highWords[2 * RESULT + 1] >>> 20 & 0x7ff;
  const error = (x - (sum - part)) + (y - part);
  const u = low[a], v = sign * low[b];
  let total = sum, rest = error;
  if (u !== 0 || v !== 0) {
    const lows = u + v, part2 = lows - u;
    const tail = error + lows, part3 = tail - error;
    // What would be left below the second double.
    if ((u - (lows - part2)) + (v - part2) !== 0) return GIVEN_UP;
    if ((error - (tail - part3)) + (lows - part3) !== 0) return GIVEN_UP;
    total = sum + tail;
    const part4 = total - sum;
    rest = (sum - (total - part4)) + (tail - part4);
  }
  const unit = POWERS[exponent], magnitude = Math.abs(total);
  if (
    (exponent - LEAST_EXPONENT) >>> 0 < EXPONENTS && magnitude > unit && magnitude < 2 * unit
  ) {
    const rounder = ROUNDERS[exponent], rounded = (rest + rounder) - rounder;
    if (total + rounded === total) {
      high[d] = total;
      low[d] = rounded;
      return flagsOf(rest - rounded, total);
    }
  }
  high[RESULT] = total;
  low[RESULT] = rest;
  return settle(d, true);
}

const SPLITTER = 134217729;

function multiply(a: number, b: number, d: number): number {
  const x = high[a], y = high[b], product = x * y;
  high[RESULT] = product;
  const exponent = highWords[2 * RESULT + 1] >>> 20 & 0x7ff;
  const tx = SPLITTER * x, xh = tx - (tx - x), xl = x - xh;
  const ty = SPLITTER * y, yh = ty - (ty - y), yl = y - yh;
  const error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl;
  const u = low[a], v = low[b], exact = u === 0 && v === 0;
  let total = product, rest = error;
  if (!exact) {
    const tail = error + (x * v + y * u);
    total = product + tail;
    rest = tail - (total - product);
  }
  const unit = POWERS[exponent], magnitude = Math.abs(total);
  if (
    (exponent - LEAST_EXPONENT) >>> 0 < EXPONENTS && magnitude > unit && magnitude < 2 * unit
  ) {
    const rounder = ROUNDERS[exponent], rounded = (rest + rounder) - rounder;
    const left = rest - rounded;
    if (total + rounded === total && (exact || !isUncertain(left, rounder))) {
      high[d] = total;
      low[d] = rounded;
      return flagsOf(left, total);
    }
  }
  if (product === 0) {
    low[RESULT] = 0;
    return x === 0 || y === 0 ? settle(d, true) : GIVEN_UP;
  }
  high[RESULT] = total;
  low[RESULT] = rest;
  const flags = settle(d, exact);
  if (flags >= 0) return flags;
  return isPowerOfTwo(b) ? scale(a, b, d) : isPowerOfTwo(a) ? scale(b, a, d) : GIVEN_UP;
}

/** The product of pair `a` and pair `b`, which is a power of two. */
function scale(a: number, b: number, d: number): number {
  high[RESULT] = high[a] * high[b];
  low[RESULT] = low[a] * high[b];
  return settle(d, true);
}

function isPowerOfTwo(p: number): boolean {
  return low[p] === 0 && high[p] !== 0 && (highWords[2 * p + 1] & 0xfffff | highWords[2 * p]) === 0;
}

function divide(a: number, b: number, d: number): number {
  const x = high[a], y = high[b], quotient = x / y;
  if (quotient === 0 || y === 0) {
    high[RESULT] = quotient;
    low[RESULT] = 0;
    return x === 0 && y !== 0 ? settle(d, true) : GIVEN_UP;
  }
  const tx = SPLITTER * quotient, xh = tx - (tx - quotient), xl = quotient - xh;
  const ty = SPLITTER * y, yh = ty - (ty - y), yl = y - yh;
  const product = quotient * y;
  const error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl;
  const u = low[a], v = low[b];
  const remainder = ((x - product) - error) + (u - quotient * v);
  if (remainder === 0) {
    high[RESULT] = quotient;
    low[RESULT] = 0;
    // Of two doubles the remainder is exact.
    return u === 0 && v === 0 ? settle(d, true) : GIVEN_UP;
  }
  const rest = remainder / y, total = quotient + rest;
  high[RESULT] = total;
  low[RESULT] = rest - (total - quotient);
  const flags = settle(d, false);
  if (flags >= 0 || !isPowerOfTwo(b)) return flags;
  high[RESULT] = quotient;
  low[RESULT] = u / y;
  return settle(d, true);
}

function squareRoot(a: number, d: number): number {
  const x = high[a];
  if (!(x > 0)) {
    high[RESULT] = x;
    low[RESULT] = 0;
    return x === 0 ? settle(d, true) : GIVEN_UP;
  }
  const root = Math.sqrt(x), product = root * root;
  const tx = SPLITTER * root, xh = tx - (tx - root), xl = root - xh;
  const error = ((xh * xh - product) + 2 * (xh * xl)) + xl * xl;
  const remainder = ((x - product) - error) + low[a];
  if (remainder === 0) {
    high[RESULT] = root;
    low[RESULT] = 0;
    return low[a] === 0 ? settle(d, true) : GIVEN_UP;
  }
  const rest = remainder / (2 * root), total = root + rest;
  high[RESULT] = total;
  low[RESULT] = rest - (total - root);
  return settle(d, false);
}

/** Operators, as the lowest bits of an immediate. */
const ADD = 0, SUBTRACT = 1, MULTIPLY = 2, DIVIDE = 3;
/** The other bits: operands exchanged; the stack is popped, or a `Kind` of memory operand. */
const REVERSE = 4, POPS = 8, KIND_SHIFT = 3;

export type FastName = "add" | "sub" | "mul" | "div";
const OPERATORS: Record<FastName, number> = {
  add: ADD,
  sub: SUBTRACT,
  mul: MULTIPLY,
  div: DIVIDE,
};

// Closures would share their optimised code, which then could not know the arrays: so what differs between
// instructions comes as the immediate.
const exactStack: Operation[] = [], exactMemory: Operation[] = [];

/** The immediate for `fastStack`; `exact` computes the same for all operands. */
export function stackCode(
  name: FastName,
  reverse: boolean,
  pops: boolean,
  exact: Operation,
): number {
  const code = OPERATORS[name] | (reverse ? REVERSE : 0) | (pops ? POPS : 0);
  exactStack[code] = exact;
  return code;
}

/** The immediate for `fastMemory`. */
export function memoryCode(
  name: FastName,
  reverse: boolean,
  kind: number,
  exact: Operation,
): number {
  const code = OPERATORS[name] | (reverse ? REVERSE : 0) | kind << KIND_SHIFT;
  exactMemory[code] = exact;
  return code;
}

/** The control word and no pending exception let pairs do. */
function isEasy(control: number, status: number): boolean {
  return (control & CONTROL_BITS) === CONTROL_DEFAULT && (status & ERROR_SUMMARY) === 0;
}

function compute(code: number, to: number, other: number): number {
  const a = (code & REVERSE) !== 0 ? other : to, b = (code & REVERSE) !== 0 ? to : other;
  const operator = code & 3;
  if (operator === MULTIPLY) return multiply(a, b, to);
  if (operator === DIVIDE) return divide(a, b, to);
  return add(a, b, to, operator === ADD ? 1 : -1);
}

/** st(d) = st(d) op st(s), or st(s) op st(d). */
export function fastStack(cpu: CpuState, d: number, s: number, code: number): number {
  const words = cpu.i32, status = words[FPU_STATUS], top = status >> 11 & 7;
  const to = top + d & 7, from = top + s & 7, live = words[FPU_LIVE];
  if (
    isEasy(words[FPU_CONTROL], status) &&
    ((live >> to & live >> from & 1) !== 0 || (isUsable(cpu, to) && isUsable(cpu, from)))
  ) {
    const flags = compute(code, to, from);
    if (flags >= 0) {
      words[FPU_STALE] |= 1 << to;
      if ((code & POPS) !== 0) {
        words[FPU_TAG] |= 3 << 2 * top;
        words[FPU_LIVE] &= ~(1 << top);
        words[FPU_STATUS] = status & ~(C1 | TOP_MASK) | flags | status + 0x800 & TOP_MASK;
      } else words[FPU_STATUS] = status & ~C1 | flags;
      return 0;
    }
  }
  flush(cpu);
  return exactStack[code](cpu, d, s, 0);
}

/** st(0) = st(0) op memory, or memory op st(0). */
export function fastMemory(cpu: CpuState, d: number, s: number, code: number): number {
  const words = cpu.i32, status = words[FPU_STATUS], to = status >> 11 & 7;
  if (
    isEasy(words[FPU_CONTROL], status) &&
    ((words[FPU_LIVE] >> to & 1) !== 0 || isUsable(cpu, to)) &&
    loadOperand(cpu, s, code >> KIND_SHIFT)
  ) {
    const flags = compute(code, to, OPERAND);
    if (flags >= 0) {
      words[FPU_STALE] |= 1 << to;
      words[FPU_STATUS] = status & ~C1 | flags;
      return 0;
    }
  }
  flush(cpu);
  return exactMemory[code](cpu, d, s, 0);
}

export function fastRoot(cpu: CpuState, d: number, s: number): number {
  const words = cpu.i32, status = words[FPU_STATUS], to = status >> 11 & 7;
  if (isEasy(words[FPU_CONTROL], status) && isUsable(cpu, to)) {
    const flags = squareRoot(to, to);
    if (flags >= 0) {
      words[FPU_STALE] |= 1 << to;
      words[FPU_STATUS] = status & ~C1 | flags;
      return 0;
    }
  }
  flush(cpu);
  return fsqrt(cpu, d, s, 0);
}

/** Kinds of memory operands. */
export const DOUBLE = 0, SINGLE = 1, INTEGER16 = 2, INTEGER32 = 3, INTEGER64 = 4;

/** Puts a memory operand into the pair OPERAND; false if it is not for pairs. */
export function loadOperand(cpu: CpuState, s: number, kind: number): boolean {
  if (kind === INTEGER64) {
    const a = cpu.i32[s + 1] * 0x100000000, b = cpu.i32[s] >>> 0, sum = a + b;
    high[OPERAND] = sum;
    low[OPERAND] = b - (sum - a);
    return true;
  }
  low[OPERAND] = 0;
  if (kind === DOUBLE) {
    const value = cpu.f64[s >> 1], magnitude = Math.abs(value);
    high[OPERAND] = value;
    return (magnitude > 2 ** -800 && magnitude < 2 ** 800) || magnitude === 0;
  }
  if (kind === SINGLE) {
    const value = cpu.f32[s], magnitude = Math.abs(value);
    high[OPERAND] = value;
    return (magnitude >= 2 ** -126 && magnitude < 2 ** 128) || magnitude === 0;
  }
  high[OPERAND] = kind === INTEGER16 ? cpu.i32[s] << 16 >> 16 : cpu.i32[s];
  return true;
}
