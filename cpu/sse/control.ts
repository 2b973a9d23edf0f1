/** MXCSR, and the reciprocal approximations. */

import { X86_GP } from "../engine.ts";
import { type CpuState, MXCSR } from "../state.ts";
import type { Lane } from "./lane.ts";
import { result, resultSingle } from "./lane.ts";

/** The bits of MXCSR that exist: MXCSR_MASK of FXSAVE. A load of others is #GP. */
export const MXCSR_MASK = 0xffff;

export function ldmxcsr(cpu: CpuState, _d: number, s: number): number {
  const value = cpu.i32[s];
  if ((value & ~MXCSR_MASK) !== 0) return X86_GP;
  cpu.i32[MXCSR] = value;
  return 0;
}

export function stmxcsr(cpu: CpuState, d: number): number {
  cpu.i32[d] = cpu.i32[MXCSR];
  return 0;
}

/**
 * RCP and RSQRT. The architecture allows a relative error of 1.5 * 2^-12 and every processor has its own
 * table; this one rounds the exact result, with denormals in and out as zero. MXCSR plays no part.
 */
function approximation(f: (a: number) => number): Lane {
  return (cpu, _d, s, out) => {
    const bits = cpu.i32[s], a = cpu.f32[s];
    if (a !== a) {
      result[out] = bits | 0x400000;
      return 0;
    }
    const r = f((bits & 0x7f800000) === 0 ? (bits < 0 ? -0 : 0) : a);
    if (r !== r) result[out] = 0xffc00000;
    else resultSingle[out] = Math.abs(r) < 2 ** -126 ? (r < 0 || Object.is(r, -0) ? -0 : 0) : r;
    return 0;
  };
}

export const reciprocal = approximation((a) => 1 / a);
export const reciprocalRoot = approximation((a) => a === 0 ? 1 / a : 1 / Math.sqrt(a));
