/**
 * The exact way of an SSE lane: any operand, any rounding mode, DAZ, FTZ, masked or not.
 *
 * NaNs (Intel SDM vol. 1, table 4-7): the first operand if it is a NaN, else the second, made quiet; a
 * signalling one raises IE. Exceptions found before the computation (IE, DE, ZE), if unmasked, keep those
 * found after it (OE, UE, PE) from being looked for.
 */

import { add, divide, multiply, squareRoot } from "../fpu/exact.ts";
import { round } from "../fpu/rounding.ts";
import {
  A,
  B,
  copyQuiet,
  DE,
  DENORMAL,
  IE,
  isNaNKind,
  KIND,
  OUT,
  packDouble,
  packSingle,
  PE,
  R,
  setZero,
  SIGN,
  SNAN,
  UE,
  unpackDouble,
  unpackSingle,
  v,
  ZE,
} from "../fpu/value.ts";
import { mayTakeLong } from "../effort.ts";
import { type CpuState, MXCSR } from "../state.ts";
import { LATER, result } from "./lane.ts";

export const ADD = 0, SUBTRACT = 1, MULTIPLY = 2, DIVIDE = 3, SQUARE_ROOT = 4;

const DENORMALS_ARE_ZERO = 0x40, FLUSH_TO_ZERO = 0x8000;

/** Unpacks the float at word `s`, as the DAZ bit of MXCSR has it. */
export function loadSingle(cpu: CpuState, at: number, s: number): void {
  unpackSingle(at, cpu.i32[s]);
  flushOperand(cpu, at);
}

export function loadDouble(cpu: CpuState, at: number, s: number): void {
  unpackDouble(at, cpu.i32[s], cpu.i32[s + 1]);
  flushOperand(cpu, at);
}

function flushOperand(cpu: CpuState, at: number): void {
  if (v[at + DENORMAL] !== 0 && (cpu.i32[MXCSR] & DENORMALS_ARE_ZERO) !== 0) {
    setZero(at, v[at + SIGN]);
  }
}

/** Rounds R to float32 as MXCSR says and puts it into `result`; returns flags. */
export function finishSingle(cpu: CpuState, out: number, flags: number): number {
  const after = roundResult(cpu, 24, 127);
  packSingle(R);
  result[out] = v[OUT];
  return flags | after;
}

export function finishDouble(cpu: CpuState, out: number, flags: number): number {
  const after = roundResult(cpu, 53, 1023);
  packDouble(R);
  result[out] = v[OUT];
  result[out + 1] = v[OUT + 1];
  return flags | after;
}

function roundResult(cpu: CpuState, precision: number, maximum: number): number {
  const control = cpu.i32[MXCSR];
  const unmasked = ~(control >> 7);
  const flush = (control & FLUSH_TO_ZERO) !== 0 && (unmasked & UE) === 0;
  // Flushing takes every tiny result, exact or not: ask for it as if underflow were unmasked.
  const flags = round(
    precision,
    1 - maximum,
    maximum,
    control >> 13 & 3,
    flush ? unmasked | UE : unmasked,
  );
  if (flush && (flags & UE) !== 0) {
    setZero(R, v[R + SIGN]);
    return flags & 0x3f | PE;
  }
  return flags & 0x3f;
}

/** Whether one of the operands is a NaN; then R is the result. */
function takeNaN(): boolean {
  if (isNaNKind(v[A + KIND])) copyQuiet(R, A);
  else if (isNaNKind(v[B + KIND])) copyQuiet(R, B);
  else return false;
  return true;
}

/** Computes R from A and B (SQUARE_ROOT: of both, which are the same); returns the flags found so far. */
function compute(cpu: CpuState, operation: number): number {
  if (takeNaN()) return v[A + KIND] === SNAN || v[B + KIND] === SNAN ? IE : 0;
  const denormal = (v[A + DENORMAL] | v[B + DENORMAL]) !== 0 ? DE : 0;
  const mode = cpu.i32[MXCSR] >> 13 & 3;
  let flags: number;
  switch (operation) {
    case ADD:
      flags = add(0, mode);
      break;
    case SUBTRACT:
      flags = add(1, mode);
      break;
    case MULTIPLY:
      flags = multiply();
      break;
    case DIVIDE:
      flags = divide();
      break;
    default:
      flags = squareRoot();
  }
  return (flags & (IE | ZE)) !== 0 ? flags : denormal;
}

export function exactSingle(
  cpu: CpuState,
  operation: number,
  d: number,
  s: number,
  out: number,
): number {
  if (!mayTakeLong()) return LATER;
  loadSingle(cpu, A, d);
  loadSingle(cpu, B, s);
  const flags = compute(cpu, operation);
  if (stops(cpu, flags)) return flags;
  return finishSingle(cpu, out, flags);
}

export function exactDouble(
  cpu: CpuState,
  operation: number,
  d: number,
  s: number,
  out: number,
): number {
  if (!mayTakeLong()) return LATER;
  loadDouble(cpu, A, d);
  loadDouble(cpu, B, s);
  const flags = compute(cpu, operation);
  if (stops(cpu, flags)) return flags;
  return finishDouble(cpu, out, flags);
}

/** Whether one of these flags, found before the computation, is unmasked. */
export function stops(cpu: CpuState, flags: number): boolean {
  return (flags & ~(cpu.i32[MXCSR] >> 7)) !== 0;
}
