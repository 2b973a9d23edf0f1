/**
 * The x87 register stack, its tags, and how x87 instructions report exceptions.
 *
 * An x87 exception is reported late: the instruction that raises it sets its flag in the status word; if
 * it is unmasked, ES and B too, and the next waiting x87 or MMX instruction is #MF (Intel SDM vol. 1,
 * 8.7). Every waiting operation therefore begins with `isPending`.
 *
 * What an unmasked exception prevents: IE, DE and ZE, found before the computation, leave operands and
 * stack as they were; OE, UE and PE come with a result.
 *
 * FPU_TAG holds the tag word with only two values used, 0 (in use) and 3 (empty); FNSTENV computes
 * the others.
 */

import { type CpuState, FPU_CONTROL, FPU_STATUS, FPU_TAG } from "../state.ts";
import { MM_WORD } from "../operation.ts";
import { DE, IE, OUT, packExtended, R, setDefaultNaN, unpackExtended, v, ZE } from "./value.ts";

/** Bits of the status word. */
export const STACK_FAULT = 0x40, ERROR_SUMMARY = 0x80, BUSY = 0x8000;
export const C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000;
const CONDITIONS = C0 | C1 | C2 | C3;
const TOP_SHIFT = 11, TOP_MASK = 0x3800;

/** Exceptions that are found before an instruction computes. */
const BEFORE_COMPUTATION = IE | DE | ZE;

export function isPending(cpu: CpuState): boolean {
  return (cpu.i32[FPU_STATUS] & ERROR_SUMMARY) !== 0;
}

function physical(cpu: CpuState, i: number): number {
  return (cpu.i32[FPU_STATUS] >> TOP_SHIFT) + i & 7;
}

/** Index in `cpu.i32` of st(i). */
export function stackWord(cpu: CpuState, i: number): number {
  return MM_WORD + 4 * physical(cpu, i);
}

export function isEmpty(cpu: CpuState, i: number): boolean {
  return (cpu.i32[FPU_TAG] >> 2 * physical(cpu, i) & 3) === 3;
}

export function setEmpty(cpu: CpuState, i: number): void {
  cpu.i32[FPU_TAG] |= 3 << 2 * physical(cpu, i);
}

export function setInUse(cpu: CpuState, i: number): void {
  cpu.i32[FPU_TAG] &= ~(3 << 2 * physical(cpu, i));
}

/** Moves TOP by -1 (as a push) or 1 (as a pop) without looking at tags. */
export function rotate(cpu: CpuState, by: number): void {
  const status = cpu.i32[FPU_STATUS];
  cpu.i32[FPU_STATUS] = status & ~TOP_MASK | (status + (by << TOP_SHIFT)) & TOP_MASK;
}

export function pop(cpu: CpuState): void {
  setEmpty(cpu, 0);
  rotate(cpu, 1);
}

/** Unpacks st(i). */
export function loadStack(cpu: CpuState, at: number, i: number): void {
  const w = stackWord(cpu, i);
  unpackExtended(at, cpu.i32[w], cpu.i32[w + 1], cpu.u16[2 * w + 4]);
}

/** Packs R into st(i) and marks it in use. */
export function storeStack(cpu: CpuState, i: number): void {
  packExtended(R);
  const w = stackWord(cpu, i);
  cpu.i32[w] = v[OUT];
  cpu.i32[w + 1] = v[OUT + 1];
  cpu.u16[2 * w + 4] = v[OUT + 2];
  setInUse(cpu, i);
}

export function copyStack(cpu: CpuState, toWord: number, fromWord: number): void {
  cpu.i32[toWord] = cpu.i32[fromWord];
  cpu.i32[toWord + 1] = cpu.i32[fromWord + 1];
  cpu.u16[2 * toWord + 4] = cpu.u16[2 * fromWord + 4];
}

/** Unmasked among these exception flags. */
export function unmasked(cpu: CpuState, flags: number): number {
  return flags & ~cpu.i32[FPU_CONTROL] & 0x3f;
}

/** Whether an exception found before the computation keeps the instruction from having a result. */
export function isStopped(cpu: CpuState, flags: number): boolean {
  return unmasked(cpu, flags & BEFORE_COMPUTATION) !== 0;
}

/**
 * Ends an instruction: sets exception flags, STACK_FAULT and C1 (ROUNDED_UP) from `flags`; C1 is
 * cleared otherwise. Other condition codes stay.
 */
export function report(cpu: CpuState, flags: number): void {
  let status = cpu.i32[FPU_STATUS] & ~C1 | flags;
  if (unmasked(cpu, flags) !== 0) status |= ERROR_SUMMARY | BUSY;
  cpu.i32[FPU_STATUS] = status;
}

export function setConditions(cpu: CpuState, conditions: number): void {
  cpu.i32[FPU_STATUS] = cpu.i32[FPU_STATUS] & ~CONDITIONS | conditions;
}

/** Reports a read of an empty register. True if it is unmasked; else R is the default NaN. */
export function underflows(cpu: CpuState): boolean {
  report(cpu, IE | STACK_FAULT);
  setDefaultNaN(R);
  return unmasked(cpu, IE) !== 0;
}

/** Whether a push would overwrite a register in use. */
export function overflows(cpu: CpuState): boolean {
  return !isEmpty(cpu, 7);
}

/** Reports a push onto a full stack and pushes the default NaN if that is masked. */
export function pushOverflow(cpu: CpuState): void {
  report(cpu, IE | STACK_FAULT | C1);
  if (unmasked(cpu, IE) !== 0) return;
  setDefaultNaN(R);
  rotate(cpu, -1);
  storeStack(cpu, 0);
}

/** Pushes R. The caller has seen to overflow. */
export function push(cpu: CpuState): void {
  rotate(cpu, -1);
  storeStack(cpu, 0);
}
