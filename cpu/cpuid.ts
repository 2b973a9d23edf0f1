/**
 * What CPUID tells: exactly what this processor has (Intel SDM vol. 2, CPUID). Leaves that do not exist give
 * zeros.
 */

import { EAX, EBX, ECX, EDX } from "./state.ts";

/** "DenaliDenali", in the order EBX, EDX, ECX. */
const VENDOR = [0x616e6544, 0x6544696c, 0x696c616e];

/** Family 6, model 15, stepping 1: as the first processors that gcc's -march=core2 is for. */
const SIGNATURE = 0x000006f1;

const FPU = 1 << 0, TSC = 1 << 4, CX8 = 1 << 8, CMOV = 1 << 15, CLFSH = 1 << 19, MMX = 1 << 23;
const FXSR = 1 << 24, SSE = 1 << 25, SSE2 = 1 << 26;

const SSE3 = 1 << 0, SSSE3 = 1 << 9;

/** The feature bits of leaf 1. */
export const CPUID_FEATURES = {
  edx: FPU | TSC | CX8 | CMOV | CLFSH | MMX | FXSR | SSE | SSE2,
  ecx: SSE3 | SSSE3,
} as const;

/** Runs CPUID on the general registers of a state. */
export function identify(i32: Int32Array): void {
  const leaf = i32[EAX];
  i32[EAX] =
    i32[EBX] =
    i32[ECX] =
    i32[EDX] =
      0;
  if (leaf === 0) {
    i32[EAX] = 1;
    [i32[EBX], i32[EDX], i32[ECX]] = VENDOR;
  } else if (leaf === 1) {
    i32[EAX] = SIGNATURE;
    // CLFLUSH works on lines of 8 * 8 bytes; one logical processor.
    i32[EBX] = 8 << 8 | 1 << 16;
    i32[EDX] = CPUID_FEATURES.edx;
    i32[ECX] = CPUID_FEATURES.ecx;
  }
}
