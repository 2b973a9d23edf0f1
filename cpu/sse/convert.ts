/**
 * SSE conversions between integers, float32 and float64. A value that does not fit an int32 gives the
 * "integer indefinite" 0x80000000 and IE (Intel SDM vol. 1, 4.8.3.7 and table 11-1).
 */

import { toInteger } from "../fpu/rounding.ts";
import {
  A,
  copy,
  copyQuiet,
  DE,
  DENORMAL,
  IE,
  isNaNKind,
  KIND,
  OUT,
  PE,
  R,
  SNAN,
  TOWARD_ZERO,
  unpackInteger,
  v,
} from "../fpu/value.ts";
import type { Operation } from "../operation.ts";
import { type CpuState, MXCSR } from "../state.ts";
import { finishDouble, finishSingle, loadDouble, loadSingle, stops } from "./exact_lane.ts";
import {
  commit,
  CONTROL_BITS,
  CONTROL_DEFAULT,
  type Lane,
  result,
  resultDouble,
  resultSingle,
} from "./lane.ts";

/** From a number at word `s` to an int32 in result word `out`; returns flags. */
type ToInteger = (cpu: CpuState, s: number, out: number) => number;

function integerFrom(
  load: (cpu: CpuState, at: number, s: number) => void,
  value: (cpu: CpuState, s: number) => number,
  truncate: boolean,
): ToInteger {
  return (cpu, s, out) => {
    const x = value(cpu, s), control = cpu.i32[MXCSR];
    const whole = x | 0;
    if (whole === x || (truncate && Math.abs(x) < 0x7fffffff)) {
      result[out] = whole;
      // A denormal operand is flushed by DAZ and then is an exact zero.
      if (whole === x) return 0;
      if (Math.abs(x) >= 1 || (control & CONTROL_BITS) === CONTROL_DEFAULT) return PE;
    }
    load(cpu, A, s);
    copy(R, A);
    const flags = toInteger(32, truncate ? TOWARD_ZERO : control >> 13 & 3);
    result[out] = flags < 0 ? 0x80000000 : v[OUT];
    return flags < 0 ? IE : flags & PE;
  };
}

const value64 = (cpu: CpuState, s: number) => cpu.f64[s >> 1];
const value32 = (cpu: CpuState, s: number) => cpu.f32[s];

const roundDouble = integerFrom(loadDouble, value64, false);
const truncateDouble = integerFrom(loadDouble, value64, true);
const roundSingle = integerFrom(loadSingle, value32, false);
const truncateSingle = integerFrom(loadSingle, value32, true);

/** `lanes` numbers, `step` words each, to as many int32; `clear` zero words follow. */
function toIntegers(convert: ToInteger, lanes: number, step: number, clear: number): Operation {
  return (cpu, d, s) => {
    let flags = 0;
    for (let i = 0; i < lanes; i++) flags |= convert(cpu, s + i * step, i);
    for (let i = lanes; i < lanes + clear; i++) result[i] = 0;
    return commit(cpu, d, lanes + clear, flags);
  };
}

export const cvtsd2si = toIntegers(roundDouble, 1, 2, 0);
export const cvttsd2si = toIntegers(truncateDouble, 1, 2, 0);
export const cvtss2si = toIntegers(roundSingle, 1, 1, 0);
export const cvttss2si = toIntegers(truncateSingle, 1, 1, 0);
export const cvtps2dq = toIntegers(roundSingle, 4, 1, 0);
export const cvttps2dq = toIntegers(truncateSingle, 4, 1, 0);
export const cvtpd2dq = toIntegers(roundDouble, 2, 2, 2);
export const cvttpd2dq = toIntegers(truncateDouble, 2, 2, 2);
export const cvtps2pi = toIntegers(roundSingle, 2, 1, 0);
export const cvttps2pi = toIntegers(truncateSingle, 2, 1, 0);
export const cvtpd2pi = toIntegers(roundDouble, 2, 2, 0);
export const cvttpd2pi = toIntegers(truncateDouble, 2, 2, 0);

/** int32 at word `s` to a float32: rounds. */
function singleFromInteger(cpu: CpuState, s: number, out: number): number {
  const n = cpu.i32[s], control = cpu.i32[MXCSR];
  if ((control & CONTROL_BITS) === CONTROL_DEFAULT) {
    resultSingle[out] = n;
    return resultSingle[out] === n ? 0 : PE;
  }
  unpackInteger(A, n, n >> 31);
  copy(R, A);
  return finishSingle(cpu, out, 0);
}

export function cvtsi2sd(cpu: CpuState, d: number, s: number): number {
  cpu.f64[d >> 1] = cpu.i32[s];
  return 0;
}

/** CVTDQ2PD and CVTPI2PD. */
export function cvtdq2pd(cpu: CpuState, d: number, s: number): number {
  const low = cpu.i32[s], high = cpu.i32[s + 1];
  cpu.f64[d >> 1] = low;
  cpu.f64[(d >> 1) + 1] = high;
  return 0;
}

function integersToSingles(lanes: number): Operation {
  return (cpu, d, s) => {
    let flags = 0;
    for (let i = 0; i < lanes; i++) flags |= singleFromInteger(cpu, s + i, i);
    return commit(cpu, d, lanes, flags);
  };
}

export const cvtsi2ss = integersToSingles(1);
export const cvtpi2ps = integersToSingles(2);
export const cvtdq2ps = integersToSingles(4);

/** What A raises and, if it is a NaN, R: true if that is the whole conversion. */
function widenSpecial(): number {
  const kind = v[A + KIND];
  if (isNaNKind(kind)) {
    copyQuiet(R, A);
    return kind === SNAN ? IE : 0;
  }
  copy(R, A);
  return v[A + DENORMAL] !== 0 ? DE : 0;
}

/** What lies between, rounds to a normal float32. */
const MIN_SINGLE = 2 ** -126, MAX_SINGLE = (2 - 2 ** -23) * 2 ** 127;

const doubleFromSingle: Lane = (cpu, _d, s, out) => {
  const x = cpu.f32[s];
  if (Math.abs(x) >= MIN_SINGLE || cpu.i32[s] === 0) {
    resultDouble[out >> 1] = x;
    return 0;
  }
  loadSingle(cpu, A, s);
  const flags = widenSpecial();
  return stops(cpu, flags) ? flags : finishDouble(cpu, out, flags);
};

const singleFromDouble: Lane = (cpu, _d, s, out) => {
  const x = cpu.f64[s >> 1], magnitude = Math.abs(x);
  if (
    (cpu.i32[MXCSR] & CONTROL_BITS) === CONTROL_DEFAULT &&
    (magnitude === 0 || (magnitude > MIN_SINGLE && magnitude < MAX_SINGLE))
  ) {
    resultSingle[out] = x;
    return resultSingle[out] === x ? 0 : PE;
  }
  loadDouble(cpu, A, s);
  const flags = widenSpecial();
  return stops(cpu, flags) ? flags : finishSingle(cpu, out, flags);
};

export function cvtss2sd(cpu: CpuState, d: number, s: number): number {
  return commit(cpu, d, 2, doubleFromSingle(cpu, d, s, 0));
}

export function cvtsd2ss(cpu: CpuState, d: number, s: number): number {
  return commit(cpu, d, 1, singleFromDouble(cpu, d, s, 0));
}

export function cvtps2pd(cpu: CpuState, d: number, s: number): number {
  const flags = doubleFromSingle(cpu, d, s, 0) | doubleFromSingle(cpu, d, s + 1, 2);
  return commit(cpu, d, 4, flags);
}

export function cvtpd2ps(cpu: CpuState, d: number, s: number): number {
  const flags = singleFromDouble(cpu, d, s, 0) | singleFromDouble(cpu, d, s + 2, 1);
  result[2] = result[3] = 0;
  return commit(cpu, d, 4, flags);
}
