/**
 * FPREM and FPREM1: exact partial remainders. With operands whose exponents differ by 64 or more an
 * instruction reduces the difference by 32 to 63 only and sets C2: the program repeats it.
 */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import { type CpuState, FPU_STATUS } from "../state.ts";
import { denormalFlag, roundTo, takeSpecial } from "./arithmetic.ts";
import {
  C0,
  C1,
  C2,
  C3,
  isEmpty,
  isPending,
  isStopped,
  loadStack,
  report,
  setConditions,
  storeStack,
  underflows,
} from "./stack.ts";
import {
  A,
  B,
  copy,
  EXPONENT,
  FINITE,
  HIGH,
  IE,
  INFINITE,
  KIND,
  LOW,
  normalize,
  R,
  set,
  setDefaultNaN,
  setZero,
  SIGN,
  v,
  ZERO,
} from "./value.ts";

/** Condition codes of the last `reduce`. */
let conditions = 0;

function significand(at: number): bigint {
  return BigInt(v[at + HIGH] >>> 0) << 32n | BigInt(v[at + LOW] >>> 0);
}

/** C0, C3, C1 = bits 2, 1, 0 of the quotient. */
function quotientBits(quotient: bigint): number {
  const low = Number(quotient & 7n);
  return ((low & 4) !== 0 ? C0 : 0) | ((low & 2) !== 0 ? C3 : 0) | ((low & 1) !== 0 ? C1 : 0);
}

/** R = the remainder of finite A and B, the quotient rounded to nearest or cut off. */
function reduce(nearest: boolean): void {
  const distance = v[A + EXPONENT] - v[B + EXPONENT];
  conditions = 0;
  if (distance < -1 || (distance < 0 && !nearest)) return copy(R, A);
  const partial = distance >= 64;
  // Scaled so that the divisor's last bit, or with distance -1 the dividend's, has weight 1.
  const dividend = significand(A), divisor = significand(B) << (distance < 0 ? 1n : 0n);
  let shift = distance < 0 ? 0 : distance;
  if (partial) shift = 32 + distance % 32;
  const scaled = dividend << BigInt(shift);
  let quotient = scaled / divisor, remainder = scaled % divisor, sign = v[A + SIGN];
  if (partial) {
    conditions = C2;
  } else {
    const twice = 2n * remainder;
    if (nearest && (twice > divisor || (twice === divisor && (quotient & 1n) === 1n))) {
      quotient++;
      remainder = divisor - remainder;
      sign = 1 - sign;
    }
    conditions = quotientBits(quotient);
  }
  if (remainder === 0n) return setZero(R, v[A + SIGN]);
  const unit = v[A + EXPONENT] - shift;
  set(R, FINITE, sign, unit, Number(remainder >> 32n) | 0, Number(remainder & 0xffffffffn) | 0);
  normalize(R);
}

function remainder(nearest: boolean): Operation {
  return (cpu: CpuState) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
      cpu.i32[FPU_STATUS] &= ~C2;
      if (!underflows(cpu)) storeStack(cpu, 0);
      return 0;
    }
    loadStack(cpu, A, 0);
    loadStack(cpu, B, 1);
    // Without a quotient C0 and C3 stay.
    const kept = conditions = cpu.i32[FPU_STATUS] & (C0 | C3);
    let flags = takeSpecial();
    if (flags < 0) {
      const a = v[A + KIND], b = v[B + KIND];
      if (a === INFINITE || b === ZERO) {
        setDefaultNaN(R);
        flags = IE;
      } else {
        flags = denormalFlag();
        if (a === ZERO || b === INFINITE) {
          conditions = 0;
          copy(R, A);
        } else {
          reduce(nearest);
        }
      }
    }
    if (!isStopped(cpu, flags)) {
      flags |= roundTo(cpu, 64);
      storeStack(cpu, 0);
    } else {
      conditions = kept;
    }
    report(cpu, flags);
    setConditions(cpu, conditions);
    return 0;
  };
}

export const fprem = remainder(false), fprem1 = remainder(true);
