/**
 * Packed integer instructions whose lanes are wider than 32 bits or that add across lanes: PADDQ, PSUBQ,
 * PMULUDQ, PSADBW, and the horizontal sums of SSSE3. Functions named ...64 do one 64-bit lane at words
 * `d` and `s`; an MMX register is one such lane, an XMM register is two.
 */

import type { Operation } from "../operation.ts";
import type { CpuState } from "../state.ts";
import { paddd, paddsw, paddw, psubd, psubsw, psubw } from "./packed_word.ts";
import type { WordFunction } from "./vector.ts";

type Lane64 = (cpu: CpuState, d: number, s: number) => number;

/** Both 64-bit lanes of an XMM register. */
export function onQuads(lane: Lane64): Operation {
  return (cpu, d, s) => {
    lane(cpu, d, s);
    return lane(cpu, d + 2, s + 2);
  };
}

export function paddq64(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const a = w[d], sum = (a + w[s]) | 0;
  const carry = sum >>> 0 < a >>> 0 ? 1 : 0;
  w[d + 1] = w[d + 1] + w[s + 1] + carry;
  w[d] = sum;
  return 0;
}

export function psubq64(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const a = w[d], b = w[s];
  const borrow = a >>> 0 < b >>> 0 ? 1 : 0;
  w[d + 1] = w[d + 1] - w[s + 1] - borrow;
  w[d] = a - b;
  return 0;
}

export function pmuludq64(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const a = w[d], b = w[s];
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const middle = ah * bl + (al * bl >>> 16);
  const middle2 = al * bh + (middle & 0xffff);
  w[d] = Math.imul(a, b);
  w[d + 1] = ah * bh + (middle >>> 16) + (middle2 >>> 16);
  return 0;
}

function differences(a: number, b: number): number {
  return Math.abs((a & 0xff) - (b & 0xff)) +
    Math.abs((a >>> 8 & 0xff) - (b >>> 8 & 0xff)) +
    Math.abs((a >>> 16 & 0xff) - (b >>> 16 & 0xff)) +
    Math.abs((a >>> 24) - (b >>> 24));
}

export function psadbw64(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = differences(w[d], w[s]) + differences(w[d + 1], w[s + 1]);
  w[d + 1] = 0;
  return 0;
}

/** The even and the odd 16-bit lanes of two words, each as one word. */
const evenWords = (a: number, b: number): number => a & 0xffff | b << 16;
const oddWords = (a: number, b: number): number => a >>> 16 | b & 0xffff0000;

function horizontalWords(f: WordFunction): { mmx: Operation; xmm: Operation } {
  const join = (a: number, b: number) => f(evenWords(a, b), oddWords(a, b));
  return horizontal(join);
}

/** `join` makes one result word of two neighbouring source words. */
function horizontal(join: WordFunction): { mmx: Operation; xmm: Operation } {
  return {
    mmx: (cpu, d, s) => {
      const w = cpu.i32;
      const low = join(w[d], w[d + 1]), high = join(w[s], w[s + 1]);
      w[d] = low;
      w[d + 1] = high;
      return 0;
    },
    xmm: (cpu, d, s) => {
      const w = cpu.i32;
      const w0 = join(w[d], w[d + 1]), w1 = join(w[d + 2], w[d + 3]);
      const w2 = join(w[s], w[s + 1]), w3 = join(w[s + 2], w[s + 3]);
      w[d] = w0;
      w[d + 1] = w1;
      w[d + 2] = w2;
      w[d + 3] = w3;
      return 0;
    },
  };
}

export const phaddw = horizontalWords(paddw);
export const phaddsw = horizontalWords(paddsw);
export const phsubw = horizontalWords(psubw);
export const phsubsw = horizontalWords(psubsw);
export const phaddd = horizontal(paddd);
export const phsubd = horizontal(psubd);
