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
  RESULT,
} from "./pair.ts";
import { C1, ERROR_SUMMARY } from "./stack.ts";
import { PE } from "./value.ts";

const TOP_MASK = 0x3800;
/** All exceptions masked, 64 bits of precision, rounding to nearest: what FNINIT sets. */
export const CONTROL_BITS = 0xf3f, CONTROL_DEFAULT = 0x33f;

/** By biased exponent of a number: 1.5 * 2^52 units in the last place of its 64 bits. */
const ROUNDERS = new Float64Array(2047);
for (let i = 100; i < 2047; i++) ROUNDERS[i] = 1.5 * 2 ** (i - 1023 - 11);
/** Of a rounder: a bit less than half a unit, and a bound of the error of products. */
const NEARLY_HALF = (1 - 2 ** -30) / 3 * 2 ** -52, UNCERTAIN = 2 ** -88;

export function isEasy(cpu: CpuState): boolean {
  return (cpu.i32[FPU_CONTROL] & CONTROL_BITS) === CONTROL_DEFAULT &&
    (cpu.i32[FPU_STATUS] & ERROR_SUMMARY) === 0;
}

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
 * the sum is exactly the result. Returns false, having changed nothing, if it cannot.
 */
function settle(cpu: CpuState, d: number, exact: boolean): boolean {
  const value = high[RESULT], rest = low[RESULT], top = highWords[2 * RESULT + 1];
  let exponent = top >>> 20 & 0x7ff;
  if (rest === 0) {
    if (!exact) return false;
    if ((exponent - LEAST_EXPONENT) >>> 0 >= EXPONENTS && value !== 0) return false;
    high[d] = value;
    low[d] = 0;
    setStatus(cpu, 0);
    return true;
  }
  if ((exponent - LEAST_EXPONENT) >>> 0 >= EXPONENTS) return false;
  // Below a power of two the units are half as large.
  if ((top & 0xfffff | highWords[2 * RESULT]) === 0 && rest < 0 === value > 0) exponent--;
  const rounder = ROUNDERS[exponent];
  const rounded = (rest + rounder) - rounder, error = rest - rounded;
  if (!exact) {
    const distance = Math.abs(error);
    if (distance < rounder * UNCERTAIN || distance > rounder * NEARLY_HALF) return false;
  }
  const sum = value + rounded;
  high[d] = sum;
  low[d] = rounded - (sum - value);
  setStatus(cpu, error === 0 ? 0 : error < 0 === value > 0 ? PE | C1 : PE);
  return true;
}

/** Pair d = pair a + sign * pair b, `sign` being 1 or -1. */
function add(cpu: CpuState, a: number, b: number, d: number, sign: number): boolean {
  const x = high[a], y = sign * high[b], sum = x + y, part = sum - x;
  const error = (x - (sum - part)) + (y - part);
  const u = low[a], v = sign * low[b];
  if (u === 0 && v === 0) {
    high[RESULT] = sum;
    low[RESULT] = error;
    return settle(cpu, d, true);
  }
  const lows = u + v, part2 = lows - u;
  const rest = error + lows, part3 = rest - error;
  // What would be left below the second double.
  if ((u - (lows - part2)) + (v - part2) !== 0) return false;
  if ((error - (rest - part3)) + (lows - part3) !== 0) return false;
  const total = sum + rest, part4 = total - sum;
  high[RESULT] = total;
  low[RESULT] = (sum - (total - part4)) + (rest - part4);
  return settle(cpu, d, true);
}

const SPLITTER = 134217729;

function multiply(cpu: CpuState, a: number, b: number, d: number): boolean {
  const x = high[a], y = high[b], product = x * y;
  if (product === 0) {
    high[RESULT] = product;
    low[RESULT] = 0;
    return (x === 0 || y === 0) && settle(cpu, d, true);
  }
  const tx = SPLITTER * x, xh = tx - (tx - x), xl = x - xh;
  const ty = SPLITTER * y, yh = ty - (ty - y), yl = y - yh;
  const error = ((xh * yh - product) + xh * yl + xl * yh) + xl * yl;
  const u = low[a], v = low[b];
  if (u === 0 && v === 0) {
    high[RESULT] = product;
    low[RESULT] = error;
    return settle(cpu, d, true);
  }
  const rest = error + (x * v + y * u), total = product + rest;
  high[RESULT] = total;
  low[RESULT] = rest - (total - product);
  return settle(cpu, d, false) || scale(cpu, a, b, d) || scale(cpu, b, a, d);
}

/** The product or, `inverse`, quotient of pair `a` by pair `b`, if that is a power of two. */
function scale(cpu: CpuState, a: number, b: number, d: number): boolean {
  if (!isPowerOfTwo(b)) return false;
  high[RESULT] = high[a] * high[b];
  low[RESULT] = low[a] * high[b];
  return settle(cpu, d, true);
}

function isPowerOfTwo(p: number): boolean {
  return low[p] === 0 && high[p] !== 0 && (highWords[2 * p + 1] & 0xfffff | highWords[2 * p]) === 0;
}

function divide(cpu: CpuState, a: number, b: number, d: number): boolean {
  const x = high[a], y = high[b], quotient = x / y;
  if (quotient === 0 || y === 0) {
    high[RESULT] = quotient;
    low[RESULT] = 0;
    return x === 0 && y !== 0 && settle(cpu, d, true);
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
    return u === 0 && v === 0 && settle(cpu, d, true);
  }
  const rest = remainder / y, total = quotient + rest;
  high[RESULT] = total;
  low[RESULT] = rest - (total - quotient);
  if (settle(cpu, d, false)) return true;
  if (!isPowerOfTwo(b)) return false;
  high[RESULT] = quotient;
  low[RESULT] = u / y;
  return settle(cpu, d, true);
}

function squareRoot(cpu: CpuState, a: number, d: number): boolean {
  const x = high[a];
  if (!(x > 0)) {
    high[RESULT] = x;
    low[RESULT] = 0;
    return x === 0 && settle(cpu, d, true);
  }
  const root = Math.sqrt(x), product = root * root;
  const tx = SPLITTER * root, xh = tx - (tx - root), xl = root - xh;
  const error = ((xh * xh - product) + 2 * (xh * xl)) + xl * xl;
  const remainder = ((x - product) - error) + low[a];
  if (remainder === 0) {
    high[RESULT] = root;
    low[RESULT] = 0;
    return low[a] === 0 && settle(cpu, d, true);
  }
  const rest = remainder / (2 * root), total = root + rest;
  high[RESULT] = total;
  low[RESULT] = rest - (total - root);
  return settle(cpu, d, false);
}

export type FastName = "add" | "sub" | "mul" | "div";
const ADD = 0, SUBTRACT = 1, MULTIPLY = 2;
const CODES: Record<FastName, number> = { add: ADD, sub: SUBTRACT, mul: MULTIPLY, div: 3 };

function compute(cpu: CpuState, code: number, a: number, b: number, d: number): boolean {
  if (code === MULTIPLY) return multiply(cpu, a, b, d);
  if (code > MULTIPLY) return divide(cpu, a, b, d);
  return add(cpu, a, b, d, code === ADD ? 1 : -1);
}

/** st(d) = st(d) op st(s), or `reverse` st(s) op st(d). */
export function fastStack(
  name: FastName,
  reverse: boolean,
  pops: boolean,
  exact: Operation,
): Operation {
  const code = CODES[name];
  return (cpu, d, s, immediate) => {
    const to = physical(cpu, d), from = physical(cpu, s);
    if (
      isEasy(cpu) && isUsable(cpu, to) && isUsable(cpu, from) &&
      compute(cpu, code, reverse ? from : to, reverse ? to : from, to)
    ) {
      cpu.i32[FPU_STALE] |= 1 << to;
      if (pops) popPair(cpu);
      return 0;
    }
    flush(cpu);
    return exact(cpu, d, s, immediate);
  };
}

/** Puts a memory operand into the pair OPERAND; false if it is not for pairs. */
export type FastLoad = (cpu: CpuState, s: number) => boolean;

/** st(0) = st(0) op memory. */
export function fastMemory(
  name: FastName,
  reverse: boolean,
  load: FastLoad,
  exact: Operation,
): Operation {
  const code = CODES[name];
  return (cpu, d, s, immediate) => {
    const to = physical(cpu, 0);
    if (
      isEasy(cpu) && isUsable(cpu, to) && load(cpu, s) &&
      compute(cpu, code, reverse ? OPERAND : to, reverse ? to : OPERAND, to)
    ) {
      cpu.i32[FPU_STALE] |= 1 << to;
      return 0;
    }
    flush(cpu);
    return exact(cpu, d, s, immediate);
  };
}

export function fastRoot(exact: Operation): Operation {
  return (cpu, d, s, immediate) => {
    const to = physical(cpu, 0);
    if (isEasy(cpu) && isUsable(cpu, to) && squareRoot(cpu, to, to)) {
      cpu.i32[FPU_STALE] |= 1 << to;
      return 0;
    }
    flush(cpu);
    return exact(cpu, d, s, immediate);
  };
}

function isModerate(magnitude: number): boolean {
  return (magnitude > 2 ** -800 && magnitude < 2 ** 800) || magnitude === 0;
}

export const fastDouble: FastLoad = (cpu, s) => {
  const value = cpu.f64[s >> 1];
  high[OPERAND] = value;
  low[OPERAND] = 0;
  return isModerate(Math.abs(value));
};

export const fastSingle: FastLoad = (cpu, s) => {
  const value = cpu.f32[s], magnitude = Math.abs(value);
  high[OPERAND] = value;
  low[OPERAND] = 0;
  return (magnitude >= 2 ** -126 && magnitude < 2 ** 128) || magnitude === 0;
};

export const fastInteger16: FastLoad = (cpu, s) => {
  high[OPERAND] = cpu.i32[s] << 16 >> 16;
  low[OPERAND] = 0;
  return true;
};

export const fastInteger32: FastLoad = (cpu, s) => {
  high[OPERAND] = cpu.i32[s];
  low[OPERAND] = 0;
  return true;
};

export const fastInteger64: FastLoad = (cpu, s) => {
  const a = cpu.i32[s + 1] * 0x100000000, b = cpu.i32[s] >>> 0, sum = a + b;
  high[OPERAND] = sum;
  low[OPERAND] = b - (sum - a);
  return true;
};
