/**
 * FSIN FCOS FSINCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1.
 *
 * Results are those of the functions themselves, rounded once to the extended format as the control word
 * says (precision control plays no part), so they lie within one unit in the last place of those of a
 * processor, whose errors are below that (Intel SDM vol. 1, 8.3.10). Special operands: SDM vol. 2, the
 * tables of each instruction.
 */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import type { CpuState } from "../state.ts";
import { denormalFlag, roundTo, takeSpecial } from "./arithmetic.ts";
import * as big from "./big_float.ts";
import type { BigFloat } from "./big_float.ts";
import {
  C2,
  isEmpty,
  isPending,
  isStopped,
  loadStack,
  overflows,
  pop,
  push,
  pushOverflow,
  report,
  storeStack,
  underflows,
  unmasked,
} from "./stack.ts";
import { FPU_STATUS } from "../state.ts";
import {
  A,
  B,
  copy,
  EXPONENT,
  EXTENSION,
  FINITE,
  HIGH,
  IE,
  INFINITE,
  KIND,
  LOW,
  PE,
  R,
  ROUNDED_UP,
  set,
  setDefaultNaN,
  setInfinite,
  setZero,
  SIGN,
  UE,
  v,
  ZE,
  ZERO,
} from "./value.ts";

function toBig(at: number): BigFloat {
  if (v[at + KIND] === ZERO) return big.bigFloat(0n);
  const m = BigInt(v[at + HIGH] >>> 0) << 32n | BigInt(v[at + LOW] >>> 0);
  return big.bigFloat(v[at + SIGN] === 0 ? m : -m, v[at + EXPONENT] - 63);
}

/** R = `a`; an inexact one gets a sticky bit, so that it rounds as what it stands for. */
function fromBig(a: BigFloat, sign: number, exact = false): void {
  if (a.m === 0n) return setZero(R, sign);
  const negative = a.m < 0n;
  let m = negative ? -a.m : a.m;
  const length = m.toString(2).length, shift = length - 96;
  let lost = !exact;
  if (shift > 0) {
    lost ||= (m & (1n << BigInt(shift)) - 1n) !== 0n;
    m >>= BigInt(shift);
  } else {
    m <<= BigInt(-shift);
  }
  const high = Number(m >> 64n) | 0, low = Number(m >> 32n & 0xffffffffn) | 0;
  set(R, FINITE, negative ? 1 : 0, a.e + length - 1, high, low);
  v[R + EXTENSION] = Number(m & 0xffffffffn) | (lost ? 1 : 0);
}

function invalid(): number {
  setDefaultNaN(R);
  return IE;
}

function setC2(cpu: CpuState, on: boolean): void {
  cpu.i32[FPU_STATUS] = cpu.i32[FPU_STATUS] & ~C2 | (on ? C2 : 0);
}

/** Ends an instruction with result R in st(i). */
function finish(cpu: CpuState, i: number, flags: number): void {
  if (!isStopped(cpu, flags)) {
    flags |= roundTo(cpu, 64);
    // An exact result that counts as inexact is an underflow too, if it is tiny.
    if ((flags & PE) !== 0 && v[R + KIND] === FINITE && v[R + HIGH] >= 0) flags |= UE;
    storeStack(cpu, i);
  } else {
    flags &= ~PE;
  }
  report(cpu, flags);
}

/** Right angle by which processors reduce: pi to 66 bits (SDM vol. 1, 8.3.8). */
const HALF_PI = big.bigFloat(0xc90fdaa22168c234cn, -67);

/** The angle in A reduced to -pi/4..pi/4; `quadrant` is how many right angles were taken off, mod 4. */
let quadrant = 0;
function reduceAngle(): BigFloat {
  const x = toBig(A);
  quadrant = 0;
  if (v[A + EXPONENT] < -1) return x;
  const ratio = big.divide(x, HALF_PI);
  const shift = -ratio.e;
  let q = ratio.m + (1n << BigInt(shift - 1)) >> BigInt(shift);
  const r = big.add(x, big.multiply(big.bigFloat(-q), HALF_PI));
  q = q % 4n + 4n;
  quadrant = Number(q % 4n);
  return r;
}

/** R = the sine of A advanced by `turns` right angles. A is finite or zero and below 2^63. */
function sineOfA(turns: number): void {
  const r = reduceAngle(), n = quadrant + turns & 3;
  const odd = (n & 1) !== 0;
  const value = odd ? big.cosine(r) : big.sine(r);
  const exact = v[A + KIND] === ZERO;
  fromBig(n >= 2 ? big.negate(value) : value, v[A + SIGN], exact);
}

/** R = the tangent of A. */
function tangentOfA(): void {
  const r = reduceAngle(), sine = big.sine(r), cosine = big.cosine(r);
  const value = (quadrant & 1) === 0
    ? big.divide(sine, cosine)
    : big.negate(big.divide(cosine, sine));
  fromBig(value, v[A + SIGN], v[A + KIND] === ZERO);
}

/** High word of the significand of 1. */
const ONE_HIGH = 0x80000000 | 0;

/** Exponent from which an angle is not reduced. */
const BEYOND_RANGE = 63;

/**
 * The frame of the four instructions on an angle in st(0). `first` makes the result for st(0);
 * `second`, if any, what is then pushed.
 */
function ofAngle(first: () => void, second: (() => void) | null): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    setC2(cpu, false);
    if (isEmpty(cpu, 0)) {
      if (underflows(cpu)) return 0;
      storeStack(cpu, 0);
      if (second !== null) push(cpu);
      return 0;
    }
    if (second !== null && overflows(cpu)) {
      pushOverflow(cpu);
      if (unmasked(cpu, IE) === 0) storeStack(cpu, 1);
      return 0;
    }
    loadStack(cpu, A, 0);
    setZero(B, 0);
    let flags = takeSpecial();
    if (flags < 0 && v[A + KIND] === INFINITE) flags = invalid();
    if (flags >= 0) {
      finish(cpu, 0, flags);
      if (second !== null && !isStopped(cpu, flags)) push(cpu);
      return 0;
    }
    if (v[A + KIND] === FINITE && v[A + EXPONENT] >= BEYOND_RANGE) {
      setC2(cpu, true);
      report(cpu, 0);
      return 0;
    }
    flags = denormalFlag();
    if (isStopped(cpu, flags)) {
      report(cpu, flags);
      return 0;
    }
    first();
    flags |= roundTo(cpu, 64);
    storeStack(cpu, 0);
    if (second !== null) {
      second();
      // C1 is that of the first result.
      flags |= roundTo(cpu, 64) & ~ROUNDED_UP;
      push(cpu);
    }
    report(cpu, flags);
    return 0;
  };
}

export const fsin = ofAngle(() => sineOfA(0), null);
export const fcos = ofAngle(() => sineOfA(1), null);
export const fsincos = ofAngle(() => sineOfA(0), () => sineOfA(1));
export const fptan = ofAngle(tangentOfA, () => set(R, FINITE, 0, 0, 0x80000000, 0));

/** The frame of the three on st(0) = A and st(1) = B: the result replaces st(1), st(0) is popped. */
function ofTwo(run: () => number): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0) || isEmpty(cpu, 1)) {
      if (underflows(cpu)) return 0;
      storeStack(cpu, 1);
      pop(cpu);
      return 0;
    }
    loadStack(cpu, A, 0);
    loadStack(cpu, B, 1);
    let flags = takeSpecial();
    if (flags < 0) {
      const denormal = denormalFlag();
      flags = run();
      if ((flags & (IE | ZE)) === 0) flags |= denormal;
    }
    finish(cpu, 1, flags);
    if (!isStopped(cpu, flags)) pop(cpu);
    return 0;
  };
}

/** `quarters` * pi / 4, with a sign. */
function angle(quarters: bigint, sign: number): void {
  const m = big.PI.m * quarters;
  fromBig(big.bigFloat(sign === 0 ? m : -m, big.PI.e - 2), sign);
}

/** R = the angle of the point (A, B). */
function arctangent(): number {
  const x = v[A + KIND], y = v[B + KIND], sign = v[B + SIGN], left = v[A + SIGN] === 1;
  if (x === INFINITE && y === INFINITE) angle(left ? 3n : 1n, sign);
  else if (y === INFINITE) angle(2n, sign);
  else if (y === ZERO || x === INFINITE) {
    if (left) angle(4n, sign);
    else setZero(R, sign);
  } else if (x === ZERO) angle(2n, sign);
  else arctangentOfFinite(left, sign);
  return 0;
}

function magnitude(a: BigFloat): BigFloat {
  return a.m < 0n ? big.negate(a) : a;
}

function arctangentOfFinite(left: boolean, sign: number): void {
  const x = magnitude(toBig(A)), y = magnitude(toBig(B));
  const steep = v[B + EXPONENT] > v[A + EXPONENT] ||
    (v[B + EXPONENT] === v[A + EXPONENT] && y.m > x.m);
  const t = steep ? big.divide(x, y) : big.divide(y, x);
  // The remainder of an exact quotient is 0: then a small angle is t less its cube.
  let value = big.arctangent(t);
  if (steep || left) {
    const base = big.bigFloat(big.PI.m, big.PI.e - (steep ? 1 : 0));
    value = big.add(base, steep === left ? value : big.negate(value));
  }
  fromBig(sign === 0 ? value : big.negate(value), sign);
}

export const fpatan = ofTwo(arctangent);

/** B times infinity of `sign`. */
function scaledInfinity(sign: number): number {
  if (v[B + KIND] === ZERO) return invalid();
  setInfinite(R, v[B + SIGN] ^ sign);
  return 0;
}

/** R = B * log2, the logarithm being `whole` + ln((1 + z) / (1 - z)) / ln 2. */
function scaledLogarithm(whole: number, z: BigFloat): number {
  const logarithm = big.add(
    big.bigFloat(BigInt(whole)),
    z.m === 0n ? z : big.divide(big.logarithmOfRatio(z), big.LN2),
  );
  if (logarithm.m === 0n) {
    if (v[B + KIND] === INFINITE) return invalid();
    setZero(R, v[B + SIGN]);
    return 0;
  }
  const negative = logarithm.m < 0n ? 1 : 0;
  if (v[B + KIND] === INFINITE) return scaledInfinity(negative);
  if (v[B + KIND] === ZERO) {
    setZero(R, v[B + SIGN] ^ negative);
    return 0;
  }
  fromBig(big.multiply(toBig(B), logarithm), 0, z.m === 0n);
  return PE;
}

const ONE = big.bigFloat(1n);

export const fyl2x = ofTwo(() => {
  if (v[A + KIND] === ZERO) {
    if (v[B + KIND] === INFINITE) return scaledInfinity(1);
    return scaledInfinity(1) || ZE;
  }
  if (v[A + SIGN] === 1) return invalid();
  if (v[A + KIND] === INFINITE) return scaledInfinity(0);
  let whole = v[A + EXPONENT];
  let m = big.bigFloat(toBig(A).m, -63);
  if ((v[A + HIGH] >>> 0) > 0xaaaaaaaa) {
    whole++;
    m = big.bigFloat(m.m, -64);
  }
  return scaledLogarithm(whole, big.divide(big.add(m, big.negate(ONE)), big.add(m, ONE)));
});

export const fyl2xp1 = ofTwo(() => {
  if (v[A + KIND] === ZERO) {
    if (v[B + KIND] === INFINITE) return invalid();
    setZero(R, v[B + SIGN] ^ v[A + SIGN]);
    return 0;
  }
  if (v[A + KIND] === INFINITE) return v[A + SIGN] === 1 ? invalid() : scaledInfinity(0);
  const x = toBig(A);
  // Defined for |x| < 1 - sqrt(1/2) only; what is far outside stays as it is.
  if (v[A + EXPONENT] >= 0) {
    copy(R, B);
    return 0;
  }
  return scaledLogarithm(0, big.divide(x, big.add(x, big.bigFloat(2n))));
});

/** F2XM1: 2^st(0) - 1, defined for -1..1; other operands stay as they are. */
export function f2xm1(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0)) {
    if (!underflows(cpu)) storeStack(cpu, 0);
    return 0;
  }
  loadStack(cpu, A, 0);
  setZero(B, 0);
  let flags = takeSpecial();
  if (flags < 0) {
    flags = denormalFlag();
    if (!isStopped(cpu, flags)) flags |= powerOfA();
  }
  finish(cpu, 0, flags);
  return 0;
}

/** R = 2^A - 1. Returns PE: processors raise it for -1 and 1 too. */
function powerOfA(): number {
  const kind = v[A + KIND], negative = v[A + SIGN] === 1;
  copy(R, A);
  if (kind === INFINITE && negative) set(R, FINITE, 1, 0, 0x80000000, 0);
  if (kind !== FINITE) return 0;
  if (v[A + EXPONENT] < 0) {
    fromBig(big.exponentialMinusOne(big.multiply(toBig(A), big.LN2)), 0);
  } else if (v[A + EXPONENT] === 0 && v[A + HIGH] === ONE_HIGH && v[A + LOW] === 0 && negative) {
    set(R, FINITE, 1, -1, 0x80000000, 0);
  }
  return PE;
}
