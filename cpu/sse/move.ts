/**
 * SSE, SSE2, SSE3 and MMX data movement: no arithmetic, no exceptions, no MXCSR.
 *
 * Everything moves as integers: a NaN that passed through a JavaScript number could lose its payload.
 * Operands are indices of their first word in `cpu.i32`; memory is a place like any other, of which the
 * engine stores as many bytes as the form says.
 */

import { MEMORY_WORD } from "../operation.ts";
import type { CpuState } from "../state.ts";

export function move4(cpu: CpuState, d: number, s: number): number {
  cpu.i32[d] = cpu.i32[s];
  return 0;
}

/** MOVD xmm, r/m32 and MOVSS xmm, m32: the rest becomes 0. */
export function move4Zero(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = w[d + 2] = w[d + 3] = 0;
  return 0;
}

export function move8(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = w[s + 1];
  return 0;
}

/** MOVQ xmm, xmm/m64 and MOVSD xmm, m64: the upper half becomes 0. */
export function move8Zero(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = w[s + 1];
  w[d + 2] = w[d + 3] = 0;
  return 0;
}

export function move16(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s];
  w[d + 1] = w[s + 1];
  w[d + 2] = w[s + 2];
  w[d + 3] = w[s + 3];
  return 0;
}

/** MOVHPS xmm, m64 and MOVLHPS: into the upper half. */
export function moveToHigh(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const low = w[s], high = w[s + 1];
  w[d + 2] = low;
  w[d + 3] = high;
  return 0;
}

/** MOVHPS m64, xmm and MOVHLPS: from the upper half. */
export function moveFromHigh(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s + 2];
  w[d + 1] = w[s + 3];
  return 0;
}

export function movddup(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const low = w[s], high = w[s + 1];
  w[d] = w[d + 2] = low;
  w[d + 1] = w[d + 3] = high;
  return 0;
}

export function movsldup(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const even = w[s], odd = w[s + 2];
  w[d] = w[d + 1] = even;
  w[d + 2] = w[d + 3] = odd;
  return 0;
}

export function movshdup(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  const even = w[s + 1], odd = w[s + 3];
  w[d] = w[d + 1] = even;
  w[d + 2] = w[d + 3] = odd;
  return 0;
}

export function movmskps(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s] >>> 31 | w[s + 1] >>> 31 << 1 | w[s + 2] >>> 31 << 2 | w[s + 3] >>> 31 << 3;
  return 0;
}

export function movmskpd(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = w[s + 1] >>> 31 | w[s + 3] >>> 31 << 1;
  return 0;
}

/** Sign bits of the four bytes of a word, as bits 0..3. */
function byteSigns(word: number): number {
  return word >>> 7 & 1 | word >>> 14 & 2 | word >>> 21 & 4 | word >>> 28 & 8;
}

export function pmovmskb(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = byteSigns(w[s]) | byteSigns(w[s + 1]) << 4 | byteSigns(w[s + 2]) << 8 |
    byteSigns(w[s + 3]) << 12;
  return 0;
}

export function pmovmskbMmx(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = byteSigns(w[s]) | byteSigns(w[s + 1]) << 4;
  return 0;
}

/** MASKMOVDQU: memory takes the bytes of `d` whose mask byte in `s` has its sign bit set. */
export function maskmovdqu(cpu: CpuState, d: number, s: number): number {
  return maskedStore(cpu, d, s, 16);
}

export function maskmovq(cpu: CpuState, d: number, s: number): number {
  return maskedStore(cpu, d, s, 8);
}

function maskedStore(cpu: CpuState, d: number, s: number, bytes: number): number {
  for (let i = 0; i < bytes; i++) {
    if (cpu.u8[4 * s + i] >= 0x80) cpu.u8[4 * MEMORY_WORD + i] = cpu.u8[4 * d + i];
  }
  return 0;
}

/** Fences, prefetches, CLFLUSH: one virtual CPU without caches sees its own accesses in order. */
export function nothing(): number {
  return 0;
}
