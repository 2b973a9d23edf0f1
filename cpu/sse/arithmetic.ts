/**
 * Lanes of ADD, SUB, MUL, DIV, SQRT in single and double precision: JavaScript's arithmetic where it is
 * the processor's, the exact way elsewhere (lane.ts says when).
 *
 * A float32 result is the float64 one rounded again: for these operations the second rounding is harmless,
 * because 53 >= 2 * 24 + 2 (S. Figueroa, "When is double rounding innocuous?", 1995).
 */

import { PE } from "../fpu/value.ts";
import { type CpuState, MXCSR } from "../state.ts";
import {
  ADD,
  DIVIDE,
  exactDouble,
  exactSingle,
  MULTIPLY,
  SQUARE_ROOT,
  SUBTRACT,
} from "./exact_lane.ts";
import {
  isModerate,
  productIsInexact,
  quotientIsInexact,
  rootIsInexact,
  sumIsInexact,
} from "./inexact.ts";
import { CONTROL_BITS, CONTROL_DEFAULT, resultDouble, resultSingle } from "./lane.ts";

const MIN_DOUBLE = 2 ** -1022, MAX_DOUBLE = Number.MAX_VALUE;
const MIN_SINGLE = 2 ** -126, MAX_SINGLE = (2 - 2 ** -23) * 2 ** 127;

/**
 * Zero or a normal number. The least normal number is left out: as a result it may have been rounded up
 * from a tiny one, which is an underflow.
 */
function isOrdinaryDouble(a: number): boolean {
  const magnitude = Math.abs(a);
  return (magnitude > MIN_DOUBLE && magnitude <= MAX_DOUBLE) || magnitude === 0;
}

function isOrdinarySingle(a: number): boolean {
  const magnitude = Math.abs(a);
  return (magnitude > MIN_SINGLE && magnitude <= MAX_SINGLE) || magnitude === 0;
}

function isDefault(control: number): boolean {
  return (control & CONTROL_BITS) === CONTROL_DEFAULT;
}

export function addDouble(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f64[d >> 1], b = cpu.f64[s >> 1], r = a + b;
  if (isDefault(control) && isOrdinaryDouble(a) && isOrdinaryDouble(b) && isOrdinaryDouble(r)) {
    resultDouble[out >> 1] = r;
    return (control & PE) === 0 && sumIsInexact(a, b, r) ? PE : 0;
  }
  return exactDouble(cpu, ADD, d, s, out);
}

export function subtractDouble(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f64[d >> 1], b = cpu.f64[s >> 1], r = a - b;
  if (isDefault(control) && isOrdinaryDouble(a) && isOrdinaryDouble(b) && isOrdinaryDouble(r)) {
    resultDouble[out >> 1] = r;
    return (control & PE) === 0 && sumIsInexact(a, -b, r) ? PE : 0;
  }
  return exactDouble(cpu, SUBTRACT, d, s, out);
}

export function multiplyDouble(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f64[d >> 1], b = cpu.f64[s >> 1], r = a * b;
  if (
    isDefault(control) && isOrdinaryDouble(a) && isOrdinaryDouble(b) && isOrdinaryDouble(r) &&
    (r !== 0 || a === 0 || b === 0)
  ) {
    resultDouble[out >> 1] = r;
    if ((control & PE) !== 0) return 0;
    if (isModerate(a) && isModerate(b)) return productIsInexact(a, b, r) ? PE : 0;
  }
  return exactDouble(cpu, MULTIPLY, d, s, out);
}

export function divideDouble(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f64[d >> 1], b = cpu.f64[s >> 1], r = a / b;
  if (
    isDefault(control) && isOrdinaryDouble(a) && isOrdinaryDouble(b) && isOrdinaryDouble(r) &&
    (r !== 0 || a === 0)
  ) {
    resultDouble[out >> 1] = r;
    if ((control & PE) !== 0) return 0;
    if (isModerate(a) && isModerate(b) && isModerate(r)) {
      return quotientIsInexact(a, b, r) ? PE : 0;
    }
  }
  return exactDouble(cpu, DIVIDE, d, s, out);
}

export function squareRootDouble(cpu: CpuState, _d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f64[s >> 1];
  if (isDefault(control) && isOrdinaryDouble(a) && a >= 0) {
    const r = Math.sqrt(a);
    resultDouble[out >> 1] = r;
    if ((control & PE) !== 0) return 0;
    if (isModerate(a)) return rootIsInexact(a, r) ? PE : 0;
  }
  return exactDouble(cpu, SQUARE_ROOT, s, s, out);
}

export function addSingle(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f32[d], b = cpu.f32[s], sum = a + b;
  const r = Math.fround(sum);
  if (isDefault(control) && isOrdinarySingle(a) && isOrdinarySingle(b) && isOrdinarySingle(r)) {
    resultSingle[out] = r;
    return (control & PE) === 0 && (r !== sum || sumIsInexact(a, b, sum)) ? PE : 0;
  }
  return exactSingle(cpu, ADD, d, s, out);
}

export function subtractSingle(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f32[d], b = cpu.f32[s], difference = a - b;
  const r = Math.fround(difference);
  if (isDefault(control) && isOrdinarySingle(a) && isOrdinarySingle(b) && isOrdinarySingle(r)) {
    resultSingle[out] = r;
    return (control & PE) === 0 && (r !== difference || sumIsInexact(a, -b, difference)) ? PE : 0;
  }
  return exactSingle(cpu, SUBTRACT, d, s, out);
}

export function multiplySingle(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f32[d], b = cpu.f32[s], product = a * b;
  const r = Math.fround(product);
  if (
    isDefault(control) && isOrdinarySingle(a) && isOrdinarySingle(b) && isOrdinarySingle(r) &&
    (r !== 0 || product === 0)
  ) {
    resultSingle[out] = r;
    return (control & PE) === 0 && r !== product ? PE : 0;
  }
  return exactSingle(cpu, MULTIPLY, d, s, out);
}

export function divideSingle(cpu: CpuState, d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f32[d], b = cpu.f32[s], r = Math.fround(a / b);
  if (
    isDefault(control) && isOrdinarySingle(a) && isOrdinarySingle(b) && isOrdinarySingle(r) &&
    (r !== 0 || a === 0)
  ) {
    resultSingle[out] = r;
    return (control & PE) === 0 && r * b !== a ? PE : 0;
  }
  return exactSingle(cpu, DIVIDE, d, s, out);
}

export function squareRootSingle(cpu: CpuState, _d: number, s: number, out: number): number {
  const control = cpu.i32[MXCSR], a = cpu.f32[s];
  if (isDefault(control) && isOrdinarySingle(a) && a >= 0) {
    const r = Math.fround(Math.sqrt(a));
    resultSingle[out] = r;
    return (control & PE) === 0 && r * r !== a ? PE : 0;
  }
  return exactSingle(cpu, SQUARE_ROOT, s, s, out);
}
