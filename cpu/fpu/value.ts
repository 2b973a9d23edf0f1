/**
 * Unpacked floating-point values: what the exact arithmetic of x87 and SSE works on.
 *
 * A value is eight words of the array `v`; there are three of them, A and B (operands) and R (result),
 * so that nothing is allocated. A FINITE value is (-1)^SIGN * significand * 2^(EXPONENT - 63), where the
 * significand is the 64-bit integer HIGH:LOW with its top bit set, followed in a result by the 32 bits of
 * EXTENSION below it, of which the last also stands for everything lost further below ("sticky").
 * A NaN keeps its payload left-aligned in HIGH:LOW as in the extended format, top bit set.
 * Only `round` (rounding.ts) leaves a significand without its top bit: a denormal result.
 *
 * Formats: Intel SDM vol. 1, 4.2.2 and 4.8.
 */

/** The values, as indices of their first word in `v`. */
export const A = 0, B = 8, R = 16;
/** Fields of a value. DENORMAL is 1 if the operand was encoded as a denormal. */
export const KIND = 0, SIGN = 1, EXPONENT = 2, HIGH = 3, LOW = 4, EXTENSION = 5, DENORMAL = 6;
/** Where `pack...` and `toInteger` put their result: OUT is the lowest word. */
export const OUT = 24;

/** Kinds. UNSUPPORTED: an extended encoding that the 387 and later reject (SDM vol. 1, table 8-3). */
export const ZERO = 0, FINITE = 1, INFINITE = 2, QNAN = 3, SNAN = 4, UNSUPPORTED = 5;

/** Exception flags, at the same places in FSW and MXCSR. */
export const IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32;
/** The result was rounded away from zero: C1 of the x87 status word. */
export const ROUNDED_UP = 0x200;

/** Rounding modes, as in the x87 control word and MXCSR. */
export const NEAREST = 0, DOWN = 1, UP = 2, TOWARD_ZERO = 3;

export const v: Int32Array = new Int32Array(32);

export function isNaNKind(kind: number): boolean {
  return kind === QNAN || kind === SNAN;
}

export function set(
  at: number,
  kind: number,
  sign: number,
  exponent: number,
  high: number,
  low: number,
): void {
  v[at + KIND] = kind;
  v[at + SIGN] = sign;
  v[at + EXPONENT] = exponent;
  v[at + HIGH] = high;
  v[at + LOW] = low;
  v[at + EXTENSION] = 0;
  v[at + DENORMAL] = 0;
}

export function setZero(at: number, sign: number): void {
  set(at, ZERO, sign, 0, 0, 0);
}

export function setInfinite(at: number, sign: number): void {
  set(at, INFINITE, sign, 0, 0x80000000, 0);
}

/** The default NaN: what every invalid operation with a masked response gives. */
export function setDefaultNaN(at: number): void {
  set(at, QNAN, 1, 0, 0xc0000000, 0);
}

export function copy(to: number, from: number): void {
  for (let i = 0; i < 7; i++) v[to + i] = v[from + i];
}

/** Copies a NaN and makes it quiet. */
export function copyQuiet(to: number, from: number): void {
  copy(to, from);
  v[to + KIND] = QNAN;
  v[to + HIGH] |= 0x40000000;
}

/** Shifts the significand left until its top bit is set. It must not be 0. */
export function normalize(at: number): void {
  let high = v[at + HIGH], low = v[at + LOW], extension = v[at + EXTENSION];
  let shift = 0;
  while (high === 0) {
    high = low;
    low = extension;
    extension = 0;
    shift += 32;
  }
  const n = Math.clz32(high);
  if (n !== 0) {
    high = high << n | low >>> 32 - n;
    low = low << n | extension >>> 32 - n;
    extension <<= n;
    shift += n;
  }
  v[at + HIGH] = high;
  v[at + LOW] = low;
  v[at + EXTENSION] = extension;
  v[at + EXPONENT] -= shift;
}

/** Unpacks from a biased exponent and a left-aligned fraction (bits 62..0 of the significand). */
function unpack(
  at: number,
  sign: number,
  biased: number,
  bias: number,
  high: number,
  low: number,
): void {
  if (biased === 0) {
    if ((high | low) === 0) return setZero(at, sign);
    set(at, FINITE, sign, 1 - bias, high, low);
    normalize(at);
    v[at + DENORMAL] = 1;
  } else if (biased === 2 * bias + 1) {
    if ((high | low) === 0) return setInfinite(at, sign);
    set(at, (high & 0x40000000) !== 0 ? QNAN : SNAN, sign, 0, high | 0x80000000, low);
  } else {
    set(at, FINITE, sign, biased - bias, high | 0x80000000, low);
  }
}

export function unpackSingle(at: number, bits: number): void {
  unpack(at, bits >>> 31, bits >>> 23 & 0xff, 127, bits << 8 & 0x7fffffff, 0);
}

export function unpackDouble(at: number, low: number, high: number): void {
  const fraction = high << 11 & 0x7fffffff | low >>> 21;
  unpack(at, high >>> 31, high >>> 20 & 0x7ff, 1023, fraction, low << 11);
}

/** `head` is sign and exponent, 16 bits. */
export function unpackExtended(at: number, low: number, high: number, head: number): void {
  const sign = head >>> 15 & 1, biased = head & 0x7fff;
  if (biased === 0) {
    // Pseudo-denormals (top bit set) have the value of exponent 1.
    if ((high | low) === 0) return setZero(at, sign);
    set(at, FINITE, sign, -16382, high, low);
    normalize(at);
    v[at + DENORMAL] = 1;
  } else if (high >= 0) {
    set(at, UNSUPPORTED, sign, biased - 16383, high, low);
  } else if (biased !== 0x7fff) {
    set(at, FINITE, sign, biased - 16383, high, low);
  } else if ((high & 0x7fffffff) === 0 && low === 0) {
    setInfinite(at, sign);
  } else {
    set(at, (high & 0x40000000) !== 0 ? QNAN : SNAN, sign, 0, high, low);
  }
}

/** The 64-bit integer high:low, exactly. */
export function unpackInteger(at: number, low: number, high: number): void {
  if ((high | low) === 0) return setZero(at, 0);
  const sign = high >>> 31;
  if (sign === 1) {
    high = low === 0 ? -high : ~high;
    low = -low;
  }
  set(at, FINITE, sign, 63, high, low);
  normalize(at);
}

/** To a float32 in v[OUT]; the value must have been rounded to that format. */
export function packSingle(at: number): void {
  const sign = v[at + SIGN] << 31, high = v[at + HIGH];
  v[OUT] = sign | packedExponent(at, 127) << 23 | high >>> 8 & 0x7fffff;
}

/** To a float64 in v[OUT], v[OUT + 1]. */
export function packDouble(at: number): void {
  const sign = v[at + SIGN] << 31, high = v[at + HIGH], low = v[at + LOW];
  v[OUT] = high << 21 | low >>> 11;
  v[OUT + 1] = sign | packedExponent(at, 1023) << 20 | high >>> 11 & 0xfffff;
}

/** To a float80 in v[OUT], v[OUT + 1] and the low half of v[OUT + 2]. */
export function packExtended(at: number): void {
  v[OUT] = v[at + LOW];
  v[OUT + 1] = v[at + HIGH];
  v[OUT + 2] = v[at + SIGN] << 15 | packedExponent(at, 16383);
}

function packedExponent(at: number, bias: number): number {
  switch (v[at + KIND]) {
    case ZERO:
      return 0;
    case FINITE:
      return v[at + HIGH] < 0 ? v[at + EXPONENT] + bias : 0;
    default:
      return 2 * bias + 1;
  }
}
