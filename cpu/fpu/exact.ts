/**
 * Addition, multiplication, division and square root of unpacked values, to 96 bits and a sticky bit:
 * enough that `round` gives the correctly rounded result in every format. The operands are A and B, the
 * result is R. NaNs and unsupported encodings must have been dealt with before: x87 and SSE choose
 * differently among them. Each function returns exception flags: 0, IE (R is the default NaN) or ZE.
 */

import { shiftRight } from "./rounding.ts";
import {
  A,
  B,
  copy,
  DOWN,
  EXPONENT,
  EXTENSION,
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
  setInfinite,
  setZero,
  SIGN,
  v,
  ZE,
  ZERO,
} from "./value.ts";

const TWO32 = 0x100000000;

function invalid(): number {
  setDefaultNaN(R);
  return IE;
}

/** R = A + B, or A - B if `negate` is 1. Changes A and B. An exact zero is -0 only if rounding down. */
export function add(negate: number, mode: number): number {
  const signA = v[A + SIGN], signB = v[B + SIGN] ^ negate;
  const kindA = v[A + KIND], kindB = v[B + KIND];
  v[B + SIGN] = signB;
  if (kindA === INFINITE) {
    if (kindB === INFINITE && signA !== signB) return invalid();
    setInfinite(R, signA);
    return 0;
  }
  if (kindB === INFINITE) {
    setInfinite(R, signB);
    return 0;
  }
  if (kindA === ZERO) {
    if (kindB === ZERO) setZero(R, signA === signB ? signA : mode === DOWN ? 1 : 0);
    else copy(R, B);
    return 0;
  }
  if (kindB === ZERO) {
    copy(R, A);
    return 0;
  }
  const distance = v[A + EXPONENT] - v[B + EXPONENT];
  const exponent = distance >= 0 ? v[A + EXPONENT] : v[B + EXPONENT];
  if (distance > 0) shiftRight(B, distance);
  else if (distance < 0) shiftRight(A, -distance);
  if (signA === signB) addMagnitudes(signA, exponent);
  else subtractMagnitudes(signA, exponent, mode);
  return 0;
}

function addMagnitudes(sign: number, exponent: number): void {
  const low = (v[A + LOW] >>> 0) + (v[B + LOW] >>> 0);
  const high = (v[A + HIGH] >>> 0) + (v[B + HIGH] >>> 0) + (low >= TWO32 ? 1 : 0);
  set(R, FINITE, sign, exponent, high | 0, low | 0);
  v[R + EXTENSION] = v[A + EXTENSION] | v[B + EXTENSION];
  if (high >= TWO32) {
    shiftRight(R, 1);
    v[R + HIGH] |= 0x80000000;
    v[R + EXPONENT]++;
  }
}

/** Compares the magnitudes of A and B, aligned to one exponent. */
function compareAligned(): number {
  for (let field = HIGH; field <= EXTENSION; field++) {
    const difference = (v[A + field] >>> 0) - (v[B + field] >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function subtractMagnitudes(signA: number, exponent: number, mode: number): void {
  const order = compareAligned();
  if (order === 0) return setZero(R, mode === DOWN ? 1 : 0);
  const large = order > 0 ? A : B, small = order > 0 ? B : A;
  const extension = (v[large + EXTENSION] >>> 0) - (v[small + EXTENSION] >>> 0);
  const low = (v[large + LOW] >>> 0) - (v[small + LOW] >>> 0) - (extension < 0 ? 1 : 0);
  const high = (v[large + HIGH] >>> 0) - (v[small + HIGH] >>> 0) - (low < 0 ? 1 : 0);
  set(R, FINITE, order > 0 ? signA : 1 - signA, exponent, high | 0, low | 0);
  v[R + EXTENSION] = extension | 0;
  normalize(R);
}

/** The upper 32 bits of the product of two uint32. */
function multiplyHigh(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const middle = ah * bl + (al * bl >>> 16);
  const middle2 = al * bh + (middle & 0xffff);
  return ah * bh + (middle >>> 16) + (middle2 >>> 16);
}

/** R = A * B. */
export function multiply(): number {
  const sign = v[A + SIGN] ^ v[B + SIGN];
  const kindA = v[A + KIND], kindB = v[B + KIND];
  if (kindA === INFINITE || kindB === INFINITE) {
    if (kindA === ZERO || kindB === ZERO) return invalid();
    setInfinite(R, sign);
    return 0;
  }
  if (kindA === ZERO || kindB === ZERO) {
    setZero(R, sign);
    return 0;
  }
  const a1 = v[A + HIGH], a0 = v[A + LOW], b1 = v[B + HIGH], b0 = v[B + LOW];
  const w0 = Math.imul(a0, b0);
  const w1 = multiplyHigh(a0, b0) + (Math.imul(a0, b1) >>> 0) + (Math.imul(a1, b0) >>> 0);
  const w2 = multiplyHigh(a0, b1) + multiplyHigh(a1, b0) + (Math.imul(a1, b1) >>> 0) +
    Math.floor(w1 / TWO32);
  const w3 = multiplyHigh(a1, b1) + Math.floor(w2 / TWO32);
  set(R, FINITE, sign, v[A + EXPONENT] + v[B + EXPONENT] + 1, w3 | 0, w2 | 0);
  v[R + EXTENSION] = w1 | 0;
  // The product has 127 or 128 bits; the sticky bit is added after the shift, below what it can move up.
  if (w3 < 0x80000000) normalize(R);
  if (w0 !== 0) v[R + EXTENSION] |= 1;
  return 0;
}

/** Words of the quotient of `divideSignificands`. */
const quotient = new Uint32Array(3);

/**
 * 96 bits of (high:low * 2^96) / (v[B] significand), the dividend being less than the divisor. Returns
 * whether a remainder is left. Six digits to base 2^16, each estimated in a double and corrected.
 */
function divideSignificands(high: number, low: number): boolean {
  const d1 = v[B + HIGH] >>> 0, d0 = v[B + LOW] >>> 0;
  const divisor = d1 * TWO32 + d0;
  let r1 = high >>> 0, r0 = low >>> 0;
  for (let digit = 0; digit < 6; digit++) {
    let q = Math.floor((r1 * TWO32 + r0) * 65536 / divisor);
    if (q > 0xffff) q = 0xffff;
    const p0 = d0 * q, p1 = d1 * q;
    let bottom = (r0 << 16 >>> 0) - p0 % TWO32;
    let middle = ((r1 << 16 | r0 >>> 16) >>> 0) - Math.floor(p0 / TWO32) - p1 % TWO32;
    let top = (r1 >>> 16) - Math.floor(p1 / TWO32);
    if (bottom < 0) {
      bottom += TWO32;
      middle--;
    }
    while (middle < 0) {
      middle += TWO32;
      top--;
    }
    while (top < 0) {
      q--;
      bottom += d0;
      middle += d1;
      if (bottom >= TWO32) {
        bottom -= TWO32;
        middle++;
      }
      if (middle >= TWO32) {
        middle -= TWO32;
        top++;
      }
    }
    while (top > 0 || middle > d1 || (middle === d1 && bottom >= d0)) {
      q++;
      bottom -= d0;
      middle -= d1;
      if (bottom < 0) {
        bottom += TWO32;
        middle--;
      }
      if (middle < 0) {
        middle += TWO32;
        top--;
      }
    }
    r1 = middle;
    r0 = bottom;
    if ((digit & 1) === 0) quotient[digit >> 1] = q * 65536;
    else quotient[digit >> 1] += q;
  }
  return r1 !== 0 || r0 !== 0;
}

/** R = A / B. */
export function divide(): number {
  const sign = v[A + SIGN] ^ v[B + SIGN];
  const kindA = v[A + KIND], kindB = v[B + KIND];
  if (kindA === INFINITE) {
    if (kindB === INFINITE) return invalid();
    setInfinite(R, sign);
    return 0;
  }
  if (kindB === INFINITE) {
    setZero(R, sign);
    return 0;
  }
  if (kindB === ZERO) {
    if (kindA === ZERO) return invalid();
    setInfinite(R, sign);
    return ZE;
  }
  if (kindA === ZERO) {
    setZero(R, sign);
    return 0;
  }
  let high = v[A + HIGH] >>> 0, low = v[A + LOW] >>> 0;
  const d1 = v[B + HIGH] >>> 0, d0 = v[B + LOW] >>> 0;
  const whole = high > d1 || (high === d1 && low >= d0);
  if (whole) {
    high -= d1;
    low -= d0;
    if (low < 0) {
      low += TWO32;
      high--;
    }
  }
  const remainder = divideSignificands(high, low);
  const exponent = v[A + EXPONENT] - v[B + EXPONENT] - (whole ? 0 : 1);
  set(R, FINITE, sign, exponent, quotient[0], quotient[1]);
  v[R + EXTENSION] = quotient[2];
  if (whole) {
    shiftRight(R, 1);
    v[R + HIGH] |= 0x80000000;
  }
  if (remainder) v[R + EXTENSION] |= 1;
  return 0;
}

/** R = the square root of A. */
export function squareRoot(): number {
  const kind = v[A + KIND];
  if (kind === ZERO) {
    copy(R, A);
    return 0;
  }
  if (v[A + SIGN] === 1) return invalid();
  if (kind === INFINITE) {
    setInfinite(R, 0);
    return 0;
  }
  // significand * 2^(exponent - 63) = n * 2^(2k), with a root of n that has 96 bits.
  const odd = v[A + EXPONENT] & 1;
  const significand = BigInt(v[A + HIGH] >>> 0) << 32n | BigInt(v[A + LOW] >>> 0);
  const n = significand << BigInt(127 + odd);
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  root = (root + n / root) >> 1n;
  root = (root + n / root) >> 1n;
  while (root * root > n) root--;
  while ((root + 1n) * (root + 1n) <= n) root++;
  set(
    R,
    FINITE,
    0,
    (v[A + EXPONENT] - odd) / 2,
    Number(root >> 64n) | 0,
    Number(root >> 32n & 0xffffffffn) | 0,
  );
  v[R + EXTENSION] = Number(root & 0xffffffffn) | 0;
  if (root * root !== n) v[R + EXTENSION] |= 1;
  return 0;
}
