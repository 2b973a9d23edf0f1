/**
 * How SSE floating-point instructions are put together from lanes, and how they report exceptions.
 *
 * A `Lane` computes one result from the lanes at words `d` and `s`, leaves it in `result` at word
 * `out`, and returns the exception flags it raised. The instruction collects the flags of all its
 * lanes, sets them in MXCSR, and writes its destination only if none of them is unmasked; otherwise it
 * is #XM with the destination as it was (Intel SDM vol. 1, 11.5).
 *
 * Lanes have two ways. With the power-on MXCSR (all exceptions masked, nearest, no DAZ or FTZ) and
 * ordinary numbers, JavaScript's own arithmetic is the same as the processor's. All else goes through
 * the exact arithmetic of cpu/fpu (exact_lane.ts). NaNs never travel as JavaScript numbers.
 */

import { X86_XM } from "../engine.ts";
import { type Operation, OPERATION_LATER } from "../operation.ts";
import { type CpuState, MXCSR } from "../state.ts";

export type Lane = (cpu: CpuState, d: number, s: number, out: number) => number;

const buffer = new ArrayBuffer(16);
/** Results of lanes, as words, floats and doubles. */
export const result: Int32Array = new Int32Array(buffer);
export const resultSingle: Float32Array = new Float32Array(buffer);
export const resultDouble: Float64Array = new Float64Array(buffer);

/** Beside the flags of a lane: it was not computed (effort.ts). */
export const LATER = 1 << 16;

/** IE, DE and ZE. */
const BEFORE_COMPUTATION = 7;

/** Whether JavaScript's arithmetic may be tried: MXCSR & CONTROL_BITS === CONTROL_DEFAULT. */
export const CONTROL_BITS = 0xffc0, CONTROL_DEFAULT = 0x1f80;

/**
 * Sets exception flags in MXCSR; X86_XM if one of them is unmasked, else 0. An unmasked IE, DE or ZE of
 * any lane hides what rounding would have raised in the others. OPERATION_LATER if a lane was not computed.
 */
export function raise(cpu: CpuState, flags: number): number {
  if ((flags & LATER) !== 0) return OPERATION_LATER;
  const control = cpu.i32[MXCSR], unmasked = flags & ~(control >> 7) & 0x3f;
  if ((unmasked & BEFORE_COMPUTATION) !== 0) flags &= BEFORE_COMPUTATION;
  cpu.i32[MXCSR] = control | flags;
  return unmasked !== 0 ? X86_XM : 0;
}

export function scalarSingle(lane: Lane): Operation {
  return (cpu, d, s) => {
    const flags = lane(cpu, d, s, 0);
    const vector = flags === 0 ? 0 : raise(cpu, flags);
    if (vector !== 0) return vector;
    cpu.i32[d] = result[0];
    return 0;
  };
}

export function scalarDouble(lane: Lane): Operation {
  return (cpu, d, s) => {
    const flags = lane(cpu, d, s, 0);
    const vector = flags === 0 ? 0 : raise(cpu, flags);
    if (vector !== 0) return vector;
    cpu.i32[d] = result[0];
    cpu.i32[d + 1] = result[1];
    return 0;
  };
}

/** Ends an instruction that has computed `words` words of `result`. */
export function commit(cpu: CpuState, d: number, words: number, flags: number): number {
  const vector = flags === 0 ? 0 : raise(cpu, flags);
  if (vector !== 0) return vector;
  const w = cpu.i32;
  for (let i = 0; i < words; i++) w[d + i] = result[i];
  return 0;
}

export function packedSingle(lane: Lane): Operation {
  return (cpu, d, s) => {
    const flags = lane(cpu, d, s, 0) | lane(cpu, d + 1, s + 1, 1) | lane(cpu, d + 2, s + 2, 2) |
      lane(cpu, d + 3, s + 3, 3);
    return commit(cpu, d, 4, flags);
  };
}

export function packedDouble(lane: Lane): Operation {
  return (cpu, d, s) => commit(cpu, d, 4, lane(cpu, d, s, 0) | lane(cpu, d + 2, s + 2, 2));
}

/** ADDSUBPS: subtracts in the even lanes, adds in the odd. */
export function alternatingSingle(even: Lane, odd: Lane): Operation {
  return (cpu, d, s) => {
    const flags = even(cpu, d, s, 0) | odd(cpu, d + 1, s + 1, 1) | even(cpu, d + 2, s + 2, 2) |
      odd(cpu, d + 3, s + 3, 3);
    return commit(cpu, d, 4, flags);
  };
}

export function alternatingDouble(even: Lane, odd: Lane): Operation {
  return (cpu, d, s) => commit(cpu, d, 4, even(cpu, d, s, 0) | odd(cpu, d + 2, s + 2, 2));
}

/** HADDPS and HSUBPS: neighbours of the destination, then of the source. */
export function horizontalSingle(lane: Lane): Operation {
  return (cpu, d, s) => {
    const flags = lane(cpu, d, d + 1, 0) | lane(cpu, d + 2, d + 3, 1) | lane(cpu, s, s + 1, 2) |
      lane(cpu, s + 2, s + 3, 3);
    return commit(cpu, d, 4, flags);
  };
}

export function horizontalDouble(lane: Lane): Operation {
  return (cpu, d, s) => commit(cpu, d, 4, lane(cpu, d, d + 2, 0) | lane(cpu, s, s + 2, 2));
}
