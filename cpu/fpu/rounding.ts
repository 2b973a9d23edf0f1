/**
 * Rounding of an exact result to a format, with the exceptions that come of it.
 *
 * x86 detects tininess after rounding (Intel SDM vol. 1, 4.9.1.5): a result is tiny if it would be below
 * the least normal number even after rounding with an unbounded exponent. With underflow masked the flag
 * is raised only if the denormal result is inexact too.
 */

import {
  DOWN,
  EXPONENT,
  EXTENSION,
  FINITE,
  HIGH,
  KIND,
  LOW,
  NEAREST,
  normalize,
  OE,
  OUT,
  PE,
  R,
  ROUNDED_UP,
  set,
  setInfinite,
  setZero,
  SIGN,
  UE,
  UP,
  v,
  ZERO,
} from "./value.ts";

/** What an unmasked overflow or underflow subtracts from or adds to the exponent: SDM vol. 1, 8.5.4. */
const EXPONENT_ADJUSTMENT = 24576;

/** Shifts the significand of `at` and its extension right by n >= 0; what is lost becomes sticky. */
export function shiftRight(at: number, n: number): void {
  let high = v[at + HIGH], low = v[at + LOW], extension = v[at + EXTENSION];
  let lost = 0;
  if (n > 96) n = 96;
  while (n >= 32) {
    lost |= extension;
    extension = low;
    low = high;
    high = 0;
    n -= 32;
  }
  if (n !== 0) {
    lost |= extension << 32 - n;
    extension = extension >>> n | low << 32 - n;
    low = low >>> n | high << 32 - n;
    high >>>= n;
  }
  v[at + HIGH] = high;
  v[at + LOW] = low;
  v[at + EXTENSION] = lost === 0 ? extension : extension | 1;
}

/** Whether a value of this sign goes away from zero, from its last bit, the half below it and the rest. */
function roundsUp(mode: number, sign: number, last: number, half: number, rest: number): boolean {
  if (mode === NEAREST) return half !== 0 && (rest | last) !== 0;
  if (mode === UP) return sign === 0;
  return mode === DOWN && sign === 1;
}

/**
 * Rounds the significand of R to 24, 53 or 64 bits. Returns 0 if it was exact, PE if bits were cut off,
 * PE | ROUNDED_UP if it grew; a carry out of the top increments the exponent.
 */
function roundSignificand(precision: number, mode: number): number {
  const sign = v[R + SIGN], extension = v[R + EXTENSION];
  let high = v[R + HIGH], low = v[R + LOW];
  let last: number, half: number, rest: number, unitHigh: number, unitLow: number;
  if (precision === 64) {
    last = low & 1;
    half = extension >>> 31;
    rest = extension << 1;
    unitHigh = 0;
    unitLow = 1;
  } else if (precision === 53) {
    last = low & 0x800;
    half = low & 0x400;
    rest = low & 0x3ff | extension;
    unitHigh = 0;
    unitLow = 0x800;
    low &= ~0x7ff;
  } else {
    last = high & 0x100;
    half = high & 0x80;
    rest = high & 0x7f | low | extension;
    unitHigh = 0x100;
    unitLow = 0;
    high &= ~0xff;
    low = 0;
  }
  let flags = 0;
  if ((half | rest) !== 0) {
    flags = PE;
    if (roundsUp(mode, sign, last, half, rest)) {
      flags = PE | ROUNDED_UP;
      const sumLow = (low >>> 0) + unitLow;
      const sumHigh = (high >>> 0) + unitHigh + (sumLow > 0xffffffff ? 1 : 0);
      low = sumLow | 0;
      high = sumHigh | 0;
      if (sumHigh > 0xffffffff) {
        high = 0x80000000 | 0;
        v[R + EXPONENT]++;
      }
    }
  }
  v[R + HIGH] = high;
  v[R + LOW] = low;
  v[R + EXTENSION] = 0;
  return flags;
}

/**
 * Rounds R to `precision` bits with exponents minimum..maximum. `unmasked` holds those of OE and UE whose
 * exceptions are unmasked: the exponent of the result is then adjusted instead of the value, and only what
 * is out of range even so (FSCALE can do that) becomes infinite or 0.
 * Returns exception flags and ROUNDED_UP.
 */
export function round(
  precision: number,
  minimum: number,
  maximum: number,
  mode: number,
  unmasked: number,
): number {
  if (v[R + KIND] !== FINITE) return 0;
  let flags: number;
  if (v[R + EXPONENT] < minimum) {
    const exponent = v[R + EXPONENT];
    const high = v[R + HIGH], low = v[R + LOW], extension = v[R + EXTENSION];
    flags = roundSignificand(precision, mode);
    const tiny = v[R + EXPONENT] < minimum;
    if (tiny && (unmasked & UE) !== 0) {
      v[R + EXPONENT] += EXPONENT_ADJUSTMENT;
      if (v[R + EXPONENT] >= minimum) return flags | UE;
      setZero(R, v[R + SIGN]);
      return UE | PE;
    }
    v[R + HIGH] = high;
    v[R + LOW] = low;
    v[R + EXTENSION] = extension;
    shiftRight(R, minimum - exponent);
    v[R + EXPONENT] = minimum;
    flags = roundSignificand(precision, mode);
    if ((v[R + HIGH] | v[R + LOW]) === 0) setZero(R, v[R + SIGN]);
    return tiny && flags !== 0 ? flags | UE : flags;
  }
  flags = roundSignificand(precision, mode);
  if (v[R + EXPONENT] <= maximum) return flags;
  if ((unmasked & OE) !== 0) {
    v[R + EXPONENT] -= EXPONENT_ADJUSTMENT;
    if (v[R + EXPONENT] <= maximum) return flags | OE;
    setInfinite(R, v[R + SIGN]);
    return OE | PE | ROUNDED_UP;
  }
  return overflow(precision, maximum, mode);
}

/** The masked response to overflow: infinity, or the largest finite number if that is nearer to zero. */
function overflow(precision: number, maximum: number, mode: number): number {
  const sign = v[R + SIGN];
  if (roundsUp(mode, sign, 1, 1, 1)) {
    setInfinite(R, sign);
    return OE | PE | ROUNDED_UP;
  }
  const high = precision === 24 ? 0xffffff00 : 0xffffffff;
  const low = precision === 24 ? 0 : precision === 53 ? 0xfffff800 : 0xffffffff;
  set(R, FINITE, sign, maximum, high, low);
  return OE | PE;
}

/** Rounds R to an integral value, keeping its format. Returns PE and ROUNDED_UP as they apply. */
export function roundToIntegral(mode: number): number {
  if (v[R + KIND] !== FINITE || v[R + EXPONENT] >= 63) return 0;
  const sign = v[R + SIGN];
  shiftRight(R, 63 - v[R + EXPONENT]);
  v[R + EXPONENT] = 63;
  const flags = roundSignificand(64, mode);
  if ((v[R + HIGH] | v[R + LOW]) === 0) setZero(R, sign);
  else normalize(R);
  return flags;
}

/**
 * Rounds R to a signed integer of `bits` (16, 32 or 64) in v[OUT], v[OUT + 1]. Returns PE and ROUNDED_UP
 * as they apply, or -1 if the value (or no number at all) does not fit; OUT is then undefined.
 */
export function toInteger(bits: number, mode: number): number {
  v[OUT] = v[OUT + 1] = 0;
  const kind = v[R + KIND], sign = v[R + SIGN];
  if (kind === ZERO) return 0;
  if (kind !== FINITE || v[R + EXPONENT] > 63) return -1;
  shiftRight(R, 63 - v[R + EXPONENT]);
  v[R + EXPONENT] = 63;
  const flags = roundSignificand(64, mode);
  if (v[R + EXPONENT] !== 63) return -1;
  const high = v[R + HIGH] >>> 0, low = v[R + LOW] >>> 0;
  // The magnitude may be 2^(bits - 1) only if the value is negative.
  if (bits === 64) {
    if (high > 0x80000000 || (high === 0x80000000 && (low !== 0 || sign === 0))) return -1;
  } else {
    const limit = 2 ** (bits - 1);
    if (high !== 0 || low > limit || (low === limit && sign === 0)) return -1;
  }
  v[OUT] = sign === 0 ? low : -low;
  v[OUT + 1] = sign === 0 ? high : low === 0 ? -high : ~high;
  return flags;
}
