/**
 * From a function of words to an operation on registers, and the state that MMX instructions leave.
 *
 * An MMX register is the significand of an x87 register. Every MMX instruction except EMMS makes all x87
 * registers valid with TOP 0 and sets sign and exponent of what it writes to ones (Intel SDM vol. 1,
 * 9.5), and raises #MF for an x87 exception that is still pending.
 * A conversion that raises #XM has made the registers valid before.
 */

import { X86_MF } from "../engine.ts";
import { flush } from "../fpu/pair.ts";
import { MM_WORD, type Operation, XMM_WORD } from "../operation.ts";
import { type CpuState, FPU_STATUS, FPU_TAG } from "../state.ts";

export type WordFunction = (a: number, b: number) => number;

/** Applies `f` to the four words of an XMM register. */
export function onXmm(f: WordFunction): Operation {
  return (cpu, d, s) => {
    const w = cpu.i32;
    w[d] = f(w[d], w[s]);
    w[d + 1] = f(w[d + 1], w[s + 1]);
    w[d + 2] = f(w[d + 2], w[s + 2]);
    w[d + 3] = f(w[d + 3], w[s + 3]);
    return 0;
  };
}

/** Applies `f` to the two words of an MMX register. */
export function onMmx(f: WordFunction): Operation {
  return mmx((cpu, d, s) => {
    const w = cpu.i32;
    w[d] = f(w[d], w[s]);
    w[d + 1] = f(w[d + 1], w[s + 1]);
    return 0;
  });
}

// The four that are in every loop, without the calls. Zeroing a register is `pxor`.
export function and16(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] &= w[s];
  w[d + 1] &= w[s + 1];
  w[d + 2] &= w[s + 2];
  w[d + 3] &= w[s + 3];
  return 0;
}

export function andNot16(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] = ~w[d] & w[s];
  w[d + 1] = ~w[d + 1] & w[s + 1];
  w[d + 2] = ~w[d + 2] & w[s + 2];
  w[d + 3] = ~w[d + 3] & w[s + 3];
  return 0;
}

export function or16(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] |= w[s];
  w[d + 1] |= w[s + 1];
  w[d + 2] |= w[s + 2];
  w[d + 3] |= w[s + 3];
  return 0;
}

export function xor16(cpu: CpuState, d: number, s: number): number {
  const w = cpu.i32;
  w[d] ^= w[s];
  w[d + 1] ^= w[s + 1];
  w[d + 2] ^= w[s + 2];
  w[d + 3] ^= w[s + 3];
  return 0;
}

const STATUS_ERROR = 0x80, STATUS_TOP = 0x3800;

/** Makes `operation` an MMX instruction; `writes`: its destination, if that is an MMX register. */
export function mmx(operation: Operation, writes = true): Operation {
  return (cpu, d, s, immediate) => {
    const status = cpu.i32[FPU_STATUS];
    if ((status & STATUS_ERROR) !== 0) return X86_MF;
    flush(cpu);
    cpu.i32[FPU_STATUS] = status & ~STATUS_TOP;
    cpu.i32[FPU_TAG] = 0;
    const fault = operation(cpu, d, s, immediate);
    if (fault > 0) return fault;
    if (writes && d >= MM_WORD && d < XMM_WORD) cpu.u16[2 * d + 4] = 0xffff;
    return fault;
  };
}

/** EMMS: all registers empty, and TOP 0 as after any MMX instruction. */
export function emms(cpu: CpuState): number {
  const status = cpu.i32[FPU_STATUS];
  if ((status & STATUS_ERROR) !== 0) return X86_MF;
  flush(cpu);
  cpu.i32[FPU_STATUS] = status & ~STATUS_TOP;
  cpu.i32[FPU_TAG] = 0xffff;
  return 0;
}
