/**
 * Elementary functions to some 150 bits, for the x87 transcendental instructions.
 *
 * A number is `m * 2^e` with BigInt `m`: the relative precision stays whatever the size. Series run in
 * fixed point, with FRACTION bits behind the point; each is the function divided by its argument, so that
 * tiny arguments keep their precision. Nothing here is hot.
 */

export interface BigFloat {
  readonly m: bigint;
  readonly e: number;
}

const FRACTION = 192;
const ONE = 1n << BigInt(FRACTION);
/** What a decreasing series is at a tiny argument: it must not round as 1. */
const BELOW_ONE = ONE - 1n;

/** Bits that a mantissa is cut to after an operation. */
const PRECISION = 192;

function bitLength(a: bigint): number {
  return (a < 0n ? -a : a).toString(2).length;
}

function cut(m: bigint, e: number): BigFloat {
  const excess = bitLength(m) - PRECISION;
  return excess > 0 ? { m: m >> BigInt(excess), e: e + excess } : { m, e };
}

export function bigFloat(m: bigint, e = 0): BigFloat {
  return { m, e };
}

export function multiply(a: BigFloat, b: BigFloat): BigFloat {
  return cut(a.m * b.m, a.e + b.e);
}

export function divide(a: BigFloat, b: BigFloat): BigFloat {
  const shift = Math.max(0, PRECISION + bitLength(b.m) - bitLength(a.m));
  return cut((a.m << BigInt(shift)) / b.m, a.e - shift - b.e);
}

/** Exact. */
export function add(a: BigFloat, b: BigFloat): BigFloat {
  if (a.m === 0n) return b;
  if (b.m === 0n) return a;
  // Far apart, the smaller one matters only as something beyond the precision.
  const topA = a.e + bitLength(a.m), topB = b.e + bitLength(b.m);
  if (topA - topB > 2 * PRECISION) return a;
  if (topB - topA > 2 * PRECISION) return b;
  const e = Math.min(a.e, b.e);
  return { m: (a.m << BigInt(a.e - e)) + (b.m << BigInt(b.e - e)), e };
}

export function negate(a: BigFloat): BigFloat {
  return { m: -a.m, e: a.e };
}

/** `a` in fixed point, cut. */
function toFixed(a: BigFloat): bigint {
  const shift = a.e + FRACTION;
  return shift >= 0 ? a.m << BigInt(shift) : a.m >> BigInt(-shift);
}

function fixed(a: bigint): BigFloat {
  return cut(a, -FRACTION);
}

/** The sum of terms that each follow from the one before, until they vanish. */
function series(first: bigint, next: (term: bigint, k: bigint) => bigint): bigint {
  let sum = first, term = first;
  for (let k = 1n; term !== 0n && k < 400n; k++) {
    term = next(term, k);
    sum += term;
  }
  return sum;
}

function scale(a: bigint, b: bigint): bigint {
  return a * b >> BigInt(FRACTION);
}

/** sum of s^k / (2k + 1), times 1, with sign (-1)^k if `alternate`: atan or atanh of z over z, s = z^2. */
function inverseTangentSeries(s: bigint, alternate: boolean): bigint {
  if (s === 0n) return alternate ? BELOW_ONE : ONE;
  let sum = ONE, power = ONE;
  for (let k = 1n; k < 400n; k++) {
    power = scale(power, s);
    if (power === 0n) break;
    const term = power / (2n * k + 1n);
    sum += alternate && (k & 1n) === 1n ? -term : term;
  }
  return sum;
}

function arctangentOfInverse(n: bigint): bigint {
  return inverseTangentSeries(ONE / (n * n), true) / n;
}

/** Machin's formula. */
export const PI: BigFloat = fixed(16n * arctangentOfInverse(5n) - 4n * arctangentOfInverse(239n));

/** ln 2 = 2 atanh(1/3). */
export const LN2: BigFloat = fixed(2n * inverseTangentSeries(ONE / 9n, false) / 3n);

/** For |r| <= pi/4. */
export function sine(r: BigFloat): BigFloat {
  const s = toFixed(multiply(r, r));
  if (s === 0n) return multiply(r, fixed(BELOW_ONE));
  return multiply(r, fixed(series(ONE, (term, k) => -scale(term, s) / (2n * k * (2n * k + 1n)))));
}

export function cosine(r: BigFloat): BigFloat {
  const s = toFixed(multiply(r, r));
  if (s === 0n) return fixed(r.m === 0n ? ONE : BELOW_ONE);
  return fixed(series(ONE, (term, k) => -scale(term, s) / (2n * k * (2n * k - 1n))));
}

/** e^a - 1 for |a| < 1. */
export function exponentialMinusOne(a: BigFloat): BigFloat {
  const x = toFixed(a);
  return multiply(a, fixed(series(ONE, (term, k) => scale(term, x) / (k + 1n))));
}

/** ln((1 + z) / (1 - z)) for |z| < 1/2. */
export function logarithmOfRatio(z: BigFloat): BigFloat {
  const s = toFixed(multiply(z, z));
  return multiply({ m: z.m, e: z.e + 1 }, fixed(inverseTangentSeries(s, false)));
}

function squareRootFixed(a: bigint): bigint {
  const n = a << BigInt(FRACTION);
  let root = 1n << BigInt(bitLength(n) + 1 >> 1);
  for (;;) {
    const next = root + n / root >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** atan t for 0 <= t <= 1. */
export function arctangent(t: BigFloat): BigFloat {
  let z = t, halvings = 0;
  // atan t = 2 atan(t / (1 + sqrt(1 + t^2)))
  for (; halvings < 3; halvings++) {
    z = divide(z, fixed(ONE + squareRootFixed(ONE + toFixed(multiply(z, z)))));
  }
  const quotient = inverseTangentSeries(toFixed(multiply(z, z)), true);
  const result = multiply(z, fixed(quotient));
  return { m: result.m, e: result.e + halvings };
}
