/**
 * Shuffles, unpacks and packs of MMX, SSE, SSE2 and SSSE3. Source and destination may be the same
 * register, so everything is read before anything is written.
 */

import type { Operation } from "../operation.ts";
import type { CpuState } from "../state.ts";
import type { WordFunction } from "./vector.ts";

function put4(cpu: CpuState, d: number, a: number, b: number, c: number, e: number): number {
  const w = cpu.i32;
  w[d] = a;
  w[d + 1] = b;
  w[d + 2] = c;
  w[d + 3] = e;
  return 0;
}

function put2(cpu: CpuState, d: number, a: number, b: number): number {
  const w = cpu.i32;
  w[d] = a;
  w[d + 1] = b;
  return 0;
}

export function pshufd(cpu: CpuState, d: number, s: number, n: number): number {
  const w = cpu.i32;
  return put4(
    cpu,
    d,
    w[s + (n & 3)],
    w[s + (n >> 2 & 3)],
    w[s + (n >> 4 & 3)],
    w[s + (n >> 6 & 3)],
  );
}

export function shufps(cpu: CpuState, d: number, s: number, n: number): number {
  const w = cpu.i32;
  return put4(
    cpu,
    d,
    w[d + (n & 3)],
    w[d + (n >> 2 & 3)],
    w[s + (n >> 4 & 3)],
    w[s + (n >> 6 & 3)],
  );
}

export function shufpd(cpu: CpuState, d: number, s: number, n: number): number {
  const w = cpu.i32, a = d + 2 * (n & 1), b = s + (n & 2);
  return put4(cpu, d, w[a], w[a + 1], w[b], w[b + 1]);
}

/** Four 16-bit lanes at word `s` in the order of `n`, to word `d`. */
export function pshufw(cpu: CpuState, d: number, s: number, n: number): number {
  const h = cpu.u16, a = 2 * s;
  const low = h[a + (n & 3)] | h[a + (n >> 2 & 3)] << 16;
  const high = h[a + (n >> 4 & 3)] | h[a + (n >> 6 & 3)] << 16;
  return put2(cpu, d, low, high);
}

export function pshuflw(cpu: CpuState, d: number, s: number, n: number): number {
  const w = cpu.i32;
  w[d + 2] = w[s + 2];
  w[d + 3] = w[s + 3];
  return pshufw(cpu, d, s, n);
}

export function pshufhw(cpu: CpuState, d: number, s: number, n: number): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = w[s + 1];
  return pshufw(cpu, d + 2, s + 2, n);
}

const lanes = new Uint8Array(32);

/** PSHUFB on `bytes` bytes. */
function pshufb(bytes: number): Operation {
  return (cpu, d, s) => {
    const b = cpu.u8, from = 4 * d, order = 4 * s;
    for (let i = 0; i < bytes; i++) {
      const index = b[order + i];
      lanes[i] = index >= 0x80 ? 0 : b[from + (index & (bytes - 1))];
    }
    for (let i = 0; i < bytes; i++) b[from + i] = lanes[i];
    return 0;
  };
}

export const pshufbXmm = pshufb(16), pshufbMmx = pshufb(8);

/** PALIGNR: `bytes` bytes of destination:source from byte `immediate` up. */
function palignr(bytes: number): Operation {
  return (cpu, d, s, immediate) => {
    const b = cpu.u8, n = immediate & 0xff;
    for (let i = 0; i < bytes; i++) {
      lanes[i] = b[4 * s + i];
      lanes[bytes + i] = b[4 * d + i];
    }
    for (let i = 0; i < bytes; i++) b[4 * d + i] = i + n < 2 * bytes ? lanes[i + n] : 0;
    return 0;
  };
}

export const palignrXmm = palignr(16), palignrMmx = palignr(8);

export function pextrwXmm(cpu: CpuState, d: number, s: number, n: number): number {
  cpu.i32[d] = cpu.u16[2 * s + (n & 7)];
  return 0;
}

export function pextrwMmx(cpu: CpuState, d: number, s: number, n: number): number {
  cpu.i32[d] = cpu.u16[2 * s + (n & 3)];
  return 0;
}

export function pinsrwXmm(cpu: CpuState, d: number, s: number, n: number): number {
  cpu.u16[2 * d + (n & 7)] = cpu.i32[s];
  return 0;
}

export function pinsrwMmx(cpu: CpuState, d: number, s: number, n: number): number {
  cpu.u16[2 * d + (n & 3)] = cpu.i32[s];
  return 0;
}

/** How the lanes of two words interleave: the word of their lower lanes, and that of the upper. */
interface Interleave {
  readonly low: WordFunction;
  readonly high: WordFunction;
}

const bytes: Interleave = {
  low: (a, b) => a & 0xff | (b & 0xff) << 8 | (a & 0xff00) << 8 | (b & 0xff00) << 16,
  high: (a, b) => a >>> 16 & 0xff | b >>> 8 & 0xff00 | a >>> 8 & 0xff0000 | b & 0xff000000,
};
const words: Interleave = {
  low: (a, b) => a & 0xffff | b << 16,
  high: (a, b) => a >>> 16 | b & 0xffff0000,
};

/** PUNPCK of 8- or 16-bit lanes: two words from word `at` (MMX) or four (XMM). */
function unpackXmm(lane: Interleave, at: number): Operation {
  return (cpu, d, s) => {
    const w = cpu.i32, a = w[d + at], b = w[s + at], c = w[d + at + 1], e = w[s + at + 1];
    return put4(cpu, d, lane.low(a, b), lane.high(a, b), lane.low(c, e), lane.high(c, e));
  };
}

function unpackMmx(lane: Interleave, at: number): Operation {
  return (cpu, d, s) => {
    const w = cpu.i32, a = w[d + at], b = w[s + at];
    return put2(cpu, d, lane.low(a, b), lane.high(a, b));
  };
}

export const punpcklbwXmm = unpackXmm(bytes, 0), punpckhbwXmm = unpackXmm(bytes, 2);
export const punpcklwdXmm = unpackXmm(words, 0), punpckhwdXmm = unpackXmm(words, 2);
export const punpcklbwMmx = unpackMmx(bytes, 0), punpckhbwMmx = unpackMmx(bytes, 1);
export const punpcklwdMmx = unpackMmx(words, 0), punpckhwdMmx = unpackMmx(words, 1);

/** PUNPCKLDQ xmm, UNPCKLPS. */
export function unpackLow4(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  return put4(cpu, d, w[d], w[s], w[d + 1], w[s + 1]);
}

/** PUNPCKHDQ xmm, UNPCKHPS. */
export function unpackHigh4(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  return put4(cpu, d, w[d + 2], w[s + 2], w[d + 3], w[s + 3]);
}

/** PUNPCKLQDQ, UNPCKLPD. */
export function unpackLow8(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  return put4(cpu, d, w[d], w[d + 1], w[s], w[s + 1]);
}

/** PUNPCKHQDQ, UNPCKHPD. */
export function unpackHigh8(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  return put4(cpu, d, w[d + 2], w[d + 3], w[s + 2], w[s + 3]);
}

export function punpckldqMmx(cpu: CpuState, d: number, s: number): number {
  return put2(cpu, d, cpu.i32[d], cpu.i32[s]);
}

export function punpckhdqMmx(cpu: CpuState, d: number, s: number): number {
  return put2(cpu, d, cpu.i32[d + 1], cpu.i32[s + 1]);
}

const signed8 = (n: number) => (n > 127 ? 127 : n < -128 ? -128 : n) & 0xff;
const unsigned8 = (n: number) => n > 255 ? 255 : n < 0 ? 0 : n;
const signed16 = (n: number) => (n > 32767 ? 32767 : n < -32768 ? -32768 : n) & 0xffff;

const wordsToSigned: WordFunction = (a, b) =>
  signed8(a << 16 >> 16) | signed8(a >> 16) << 8 | signed8(b << 16 >> 16) << 16 |
  signed8(b >> 16) << 24;
const wordsToUnsigned: WordFunction = (a, b) =>
  unsigned8(a << 16 >> 16) | unsigned8(a >> 16) << 8 | unsigned8(b << 16 >> 16) << 16 |
  unsigned8(b >> 16) << 24;
const doublesToSigned: WordFunction = (a, b) => signed16(a) | signed16(b) << 16;

/** PACK: `narrow` makes one word of two. */
function packXmm(narrow: WordFunction): Operation {
  return (cpu, d, s) => {
    const w = cpu.i32;
    return put4(
      cpu,
      d,
      narrow(w[d], w[d + 1]),
      narrow(w[d + 2], w[d + 3]),
      narrow(w[s], w[s + 1]),
      narrow(w[s + 2], w[s + 3]),
    );
  };
}

function packMmx(narrow: WordFunction): Operation {
  return (cpu, d, s) => {
    const w = cpu.i32;
    return put2(cpu, d, narrow(w[d], w[d + 1]), narrow(w[s], w[s + 1]));
  };
}

export const packsswbXmm = packXmm(wordsToSigned), packsswbMmx = packMmx(wordsToSigned);
export const packuswbXmm = packXmm(wordsToUnsigned), packuswbMmx = packMmx(wordsToUnsigned);
export const packssdwXmm = packXmm(doublesToSigned), packssdwMmx = packMmx(doublesToSigned);
