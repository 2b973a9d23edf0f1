/**
 * x87 registers as pairs of doubles: how the frequent instructions compute without taking numbers apart.
 *
 * A value of the extended format, 64 significant bits, is the sum of two doubles without an error: `high`, the
 * value rounded to nearest even, and `low`, the rest. That holds while its magnitude is moderate
 * (2^-800..2^800, or zero); all others stay in the ten bytes of the state.
 *
 * Rules:
 * - FPU_LIVE has a bit for each physical register that is in use and whose value is in its pair; FPU_STALE for
 *   each whose bytes in the state are not up to date. Both are 0 outside of `Engine.run`.
 * - Whatever looks at registers, tags or TOP in another way calls `flush` first: every operation that is not
 *   in fast_*.ts, all of MMX, and whoever ends a run.
 * - The pairs belong to the one engine of this thread that is running: a state that is put aside is flushed.
 */

import { MM_WORD } from "../operation.ts";
import { type CpuState, FPU_LIVE, FPU_STALE, FPU_TAG } from "../state.ts";

/** The pairs: eight registers, an operand that is no register, a result that is not yet rounded. */
export const high: Float64Array = new Float64Array(10), low: Float64Array = new Float64Array(10);
export const OPERAND = 8, RESULT = 9;
/** The bits of `high`: the word with the exponent of pair i is 2 i + 1. */
export const highWords: Int32Array = new Int32Array(high.buffer);

/** Biased exponents of doubles that pairs may have: LEAST_EXPONENT + 0..EXPONENTS - 1. */
export const LEAST_EXPONENT = 1023 - 800, EXPONENTS = 1601;

/** Powers of two by biased exponent, 1..2046. */
export const POWERS: Float64Array = new Float64Array(2047);
for (let i = 1; i < 2047; i++) POWERS[i] = 2 ** (i - 1023);

const EXTENDED_BIAS = 16383, DOUBLE_BIAS = 1023;

/** Whether the pair of physical register `p` has its value, after trying to fill it. */
export function isUsable(cpu: CpuState, p: number): boolean {
  return (cpu.i32[FPU_LIVE] >> p & 1) !== 0 || fill(cpu, p);
}

function fill(cpu: CpuState, p: number): boolean {
  if ((cpu.i32[FPU_TAG] >> 2 * p & 3) !== 0) return false;
  const at = MM_WORD + 4 * p, bottom = cpu.i32[at], top = cpu.i32[at + 1];
  const head = cpu.u16[2 * at + 4], exponent = (head & 0x7fff) - EXTENDED_BIAS + DOUBLE_BIAS;
  const sign = (head & 0x8000) === 0 ? 1 : -1;
  if ((head & 0x7fff) === 0 && (top | bottom) === 0) {
    high[p] = sign * 0;
    low[p] = 0;
  } else {
    if (top >= 0 || (exponent - LEAST_EXPONENT - 1) >>> 0 >= EXPONENTS - 2) return false;
    const a = (top >>> 0) * 0x100000000, b = bottom >>> 0, sum = a + b;
    const scale = sign * POWERS[exponent - 63];
    high[p] = scale * sum;
    low[p] = scale * (b - (sum - a));
  }
  cpu.i32[FPU_LIVE] |= 1 << p;
  return true;
}

/** Brings the bytes of all registers up to date and forgets the pairs. */
export function flush(cpu: CpuState): void {
  const stale = cpu.i32[FPU_STALE];
  if (stale !== 0) {
    for (let p = 0; p < 8; p++) if ((stale >> p & 1) !== 0) spill(cpu, p);
    cpu.i32[FPU_STALE] = 0;
  }
  cpu.i32[FPU_LIVE] = 0;
}

function spill(cpu: CpuState, p: number): void {
  const at = MM_WORD + 4 * p, value = high[p], rest = low[p];
  const bottom = highWords[2 * p], top = highWords[2 * p + 1];
  const sign = top >>> 16 & 0x8000;
  if (value === 0) {
    cpu.i32[at] = cpu.i32[at + 1] = 0;
    cpu.u16[2 * at + 4] = sign;
    return;
  }
  let exponent = top >>> 20 & 0x7ff;
  let upper = 0x80000000 + ((top & 0xfffff) << 11) + (bottom >>> 21), lower = bottom << 11 >>> 0;
  if (rest !== 0) {
    let units = rest * POWERS[2 * DOUBLE_BIAS + 63 - exponent];
    if (value < 0) units = -units;
    if (units < 0 && upper === 0x80000000 && lower === 0) {
      // Below a power of two: one exponent less, and one more bit.
      exponent--;
      upper = 0xffffffff;
      lower = 0x100000000 + 2 * units;
    } else {
      lower += units;
      if (lower < 0) {
        lower += 0x100000000;
        upper--;
      }
      // `high` is the nearest double, so this does not carry out of the top.
      if (lower >= 0x100000000) {
        lower -= 0x100000000;
        upper++;
      }
    }
  }
  cpu.i32[at] = lower | 0;
  cpu.i32[at + 1] = upper | 0;
  cpu.u16[2 * at + 4] = sign | exponent - DOUBLE_BIAS + EXTENDED_BIAS;
}
