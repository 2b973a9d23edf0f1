/** x87 instructions that push: FLD, FILD, FBLD and the constants; and FXCH, FCMOV, which move inside the stack. */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import { type CpuState, FPU_CONTROL, SCRATCH } from "../state.ts";
import {
  copyStack,
  isEmpty,
  isPending,
  isStopped,
  overflows,
  push,
  pushOverflow,
  report,
  rotate,
  setInUse,
  stackWord,
  storeStack,
  underflows,
} from "./stack.ts";
import {
  A,
  copy,
  copyQuiet,
  DE,
  DENORMAL,
  FINITE,
  IE,
  KIND,
  NEAREST,
  R,
  set,
  setZero,
  SIGN,
  SNAN,
  unpackDouble,
  unpackInteger,
  UP,
  v,
} from "./value.ts";

/** FLD m32, m64 and FILD: `load` unpacks the memory operand. */
export function loadAs(load: (cpu: CpuState, at: number, s: number) => void): Operation {
  return (cpu, _d, s) => {
    if (isPending(cpu)) return X86_MF;
    if (overflows(cpu)) {
      pushOverflow(cpu);
      return 0;
    }
    load(cpu, A, s);
    let flags = 0;
    if (v[A + KIND] === SNAN) {
      copyQuiet(R, A);
      flags = IE;
    } else {
      copy(R, A);
      if (v[A + DENORMAL] !== 0) flags = DE;
    }
    // An unmasked DE does not keep a load from its result.
    if (!isStopped(cpu, flags & IE)) push(cpu);
    report(cpu, flags);
    return 0;
  };
}

/** FLD m64: a normal number or zero needs no unpacking. */
export function loadDouble(cpu: CpuState, d: number, s: number): number {
  const low = cpu.i32[s], high = cpu.i32[s + 1], exponent = high >>> 20 & 0x7ff;
  const zero = (high << 1 | low) === 0;
  if (isPending(cpu) || overflows(cpu) || (!zero && (exponent === 0 || exponent === 0x7ff))) {
    return loadAnyDouble(cpu, d, s, 0);
  }
  rotate(cpu, -1);
  const w = stackWord(cpu, 0);
  cpu.i32[w] = low << 11;
  cpu.i32[w + 1] = zero ? 0 : 0x80000000 | high << 11 | low >>> 21;
  cpu.u16[2 * w + 4] = high >>> 16 & 0x8000 | (zero ? 0 : exponent + DOUBLE_BIAS);
  setInUse(cpu, 0);
  report(cpu, 0);
  return 0;
}

/** The bias of the extended format less that of float64. */
const DOUBLE_BIAS = 16383 - 1023;

const loadAnyDouble = loadAs((cpu, at, s) => unpackDouble(at, cpu.i32[s], cpu.i32[s + 1]));

export function loadInteger64(cpu: CpuState, at: number, s: number): void {
  unpackInteger(at, cpu.i32[s], cpu.i32[s + 1]);
}

/** FBLD: 18 decimal digits, two in a byte, then the sign. */
export function loadDecimal(cpu: CpuState, at: number, s: number): void {
  let value = 0n;
  for (let i = 8; i >= 0; i--) {
    const byte = cpu.u8[4 * s + i];
    value = value * 100n + BigInt((byte >> 4) * 10 + (byte & 15));
  }
  unpackInteger(at, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  v[at + SIGN] = cpu.u8[4 * s + 9] >> 7;
}

/** FLD m80: the bits as they are, without exceptions. */
export function loadExtended(cpu: CpuState, _d: number, s: number): number {
  if (isPending(cpu)) return X86_MF;
  if (overflows(cpu)) {
    pushOverflow(cpu);
    return 0;
  }
  rotate(cpu, -1);
  copyStack(cpu, stackWord(cpu, 0), s);
  setInUse(cpu, 0);
  report(cpu, 0);
  return 0;
}

export function loadRegister(cpu: CpuState, _d: number, i: number): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, i)) {
    if (!underflows(cpu)) push(cpu);
    return 0;
  }
  if (overflows(cpu)) {
    pushOverflow(cpu);
    return 0;
  }
  const from = stackWord(cpu, i);
  rotate(cpu, -1);
  copyStack(cpu, stackWord(cpu, 0), from);
  setInUse(cpu, 0);
  report(cpu, 0);
  return 0;
}

/**
 * A constant: 64 bits cut off, its exponent, and whether rounding to nearest and whether rounding up
 * would increment the last bit (SDM vol. 1, 8.3.8: it is rounded as the control word says).
 */
function constant(
  high: number,
  low: number,
  exponent: number,
  nearestUp: boolean,
  inexact: boolean,
): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (overflows(cpu)) {
      pushOverflow(cpu);
      return 0;
    }
    const mode = cpu.i32[FPU_CONTROL] >> 10 & 3;
    const up = inexact && (mode === UP || (mode === NEAREST && nearestUp));
    set(R, FINITE, 0, exponent, high, up ? low + 1 : low);
    push(cpu);
    report(cpu, 0);
    return 0;
  };
}

export const fld1 = constant(0x80000000, 0, 0, false, false);
export const fldl2t = constant(0xd49a784b, 0xcd1b8afe, 1, false, true);
export const fldl2e = constant(0xb8aa3b29, 0x5c17f0bb, 0, true, true);
export const fldpi = constant(0xc90fdaa2, 0x2168c234, 1, true, true);
export const fldlg2 = constant(0x9a209a84, 0xfbcff798, -2, true, true);
export const fldln2 = constant(0xb17217f7, 0xd1cf79ab, -1, true, true);

export function fldz(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (overflows(cpu)) {
    pushOverflow(cpu);
    return 0;
  }
  setZero(R, 0);
  push(cpu);
  report(cpu, 0);
  return 0;
}

/** FXCH: an empty register counts as the default NaN, if that is masked. */
export function fxch(cpu: CpuState, _d: number, i: number): number {
  if (isPending(cpu)) return X86_MF;
  const empty = isEmpty(cpu, 0) || isEmpty(cpu, i);
  if (empty) {
    if (underflows(cpu)) return 0;
    if (isEmpty(cpu, 0)) storeStack(cpu, 0);
    if (isEmpty(cpu, i)) storeStack(cpu, i);
  }
  const a = stackWord(cpu, 0), b = stackWord(cpu, i);
  const low = cpu.i32[a], high = cpu.i32[a + 1], head = cpu.u16[2 * a + 4];
  copyStack(cpu, a, b);
  cpu.i32[b] = low;
  cpu.i32[b + 1] = high;
  cpu.u16[2 * b + 4] = head;
  if (!empty) report(cpu, 0);
  return 0;
}

/** FCMOVcc: moves if one of the EFLAGS bits in `mask` is set (or, `negate`, none). */
export function fcmov(mask: number, negate: boolean): Operation {
  return (cpu, _d, i) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
      if (!underflows(cpu)) storeStack(cpu, 0);
      return 0;
    }
    if (((cpu.i32[SCRATCH] & mask) !== 0) !== negate) {
      copyStack(cpu, stackWord(cpu, 0), stackWord(cpu, i));
    }
    return 0;
  };
}
