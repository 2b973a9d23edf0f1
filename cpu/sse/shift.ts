/**
 * Packed shifts of MMX and SSE2. The count is an immediate or the low 64 bits of the source; a count of
 * at least the lane's width gives 0, or copies of the sign.
 */

import type { Operation } from "../operation.ts";
import type { CpuState } from "../state.ts";

/** Shifts the lanes of one word; `count` is below the lane's width. */
type WordShift = (a: number, count: number) => number;

const psllw: WordShift = (a, n) => a << n & 0xffff | (a >>> 16) << n << 16;
const psrlw: WordShift = (a, n) => (a & 0xffff) >>> n | a >>> 16 >>> n << 16;
const psraw: WordShift = (a, n) => a << 16 >> 16 >> n & 0xffff | a >> 16 >> n << 16;
const pslld: WordShift = (a, n) => a << n;
const psrld: WordShift = (a, n) => a >>> n;
const psrad: WordShift = (a, n) => a >> n;

/** Larger than any lane. */
const FAR = 255;

function countOf(cpu: CpuState, s: number): number {
  const w = cpu.i32;
  return w[s + 1] !== 0 || w[s] >>> 0 > FAR ? FAR : w[s];
}

/** A lane's shift in its four encodings. */
interface Shift {
  readonly xmm: Operation;
  readonly xmmImmediate: Operation;
  readonly mmx: Operation;
  readonly mmxImmediate: Operation;
}

function shift(run: (cpu: CpuState, d: number, count: number, words: number) => void): Shift {
  const by = (words: number): Operation => (cpu, d, s) => {
    run(cpu, d, countOf(cpu, s), words);
    return 0;
  };
  const byImmediate = (words: number): Operation => (cpu, d, _s, immediate) => {
    run(cpu, d, immediate & 0xff, words);
    return 0;
  };
  return { xmm: by(4), xmmImmediate: byImmediate(4), mmx: by(2), mmxImmediate: byImmediate(2) };
}

function logical(f: WordShift, width: number): Shift {
  return shift((cpu, d, count, words) => {
    const w = cpu.i32;
    for (let i = d; i < d + words; i++) w[i] = count >= width ? 0 : f(w[i], count);
  });
}

function arithmetic(f: WordShift, width: number): Shift {
  return shift((cpu, d, count, words) => {
    const w = cpu.i32, n = Math.min(count, width - 1);
    for (let i = d; i < d + words; i++) w[i] = f(w[i], n);
  });
}

export const shiftWordsLeft = logical(psllw, 16);
export const shiftWordsRight = logical(psrlw, 16);
export const shiftWordsSigned = arithmetic(psraw, 16);
export const shiftDoublesLeft = logical(pslld, 32);
export const shiftDoublesRight = logical(psrld, 32);
export const shiftDoublesSigned = arithmetic(psrad, 32);

export const shiftQuadsLeft = shift((cpu, d, count, words) => {
  const w = cpu.i32;
  for (let i = d; i < d + words; i += 2) {
    const low = w[i], high = w[i + 1];
    w[i] = count >= 32 ? 0 : low << count;
    w[i + 1] = count >= 64
      ? 0
      : count >= 32
      ? low << count
      : count === 0
      ? high
      : high << count | low >>> 32 - count;
  }
});

export const shiftQuadsRight = shift((cpu, d, count, words) => {
  const w = cpu.i32;
  for (let i = d; i < d + words; i += 2) {
    const low = w[i], high = w[i + 1];
    w[i + 1] = count >= 32 ? 0 : high >>> count;
    w[i] = count >= 64
      ? 0
      : count >= 32
      ? high >>> count
      : count === 0
      ? low
      : low >>> count | high << 32 - count;
  }
});

/** PSLLDQ: the whole register by bytes. */
export function pslldq(cpu: CpuState, d: number, _s: number, immediate: number): number {
  const n = Math.min(immediate & 0xff, 16), at = 4 * d;
  cpu.u8.copyWithin(at + n, at, at + 16 - n);
  cpu.u8.fill(0, at, at + n);
  return 0;
}

export function psrldq(cpu: CpuState, d: number, _s: number, immediate: number): number {
  const n = Math.min(immediate & 0xff, 16), at = 4 * d;
  cpu.u8.copyWithin(at, at + n, at + 16);
  cpu.u8.fill(0, at + 16 - n, at + 16);
  return 0;
}
