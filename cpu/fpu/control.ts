/** x87 control instructions that move no numbers. */

import { X86_MF } from "../engine.ts";
import type { Operation } from "../operation.ts";
import {
  type CpuState,
  EAX,
  FPU_CONTROL,
  FPU_DP,
  FPU_DP_SELECTOR,
  FPU_IP,
  FPU_IP_SELECTOR,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAG,
} from "../state.ts";
import { BUSY, ERROR_SUMMARY, isPending, pop, report, rotate, setEmpty } from "./stack.ts";

/** Bit 6 of the control word is always 1, bits 7, 13, 14 and 15 are 0. */
export function setControlWord(cpu: CpuState, value: number): void {
  cpu.i32[FPU_CONTROL] = value & 0x1f3f | 0x40;
  summarize(cpu);
}

/** Makes ES and B say whether a flagged exception is unmasked. */
export function summarize(cpu: CpuState): void {
  const status = cpu.i32[FPU_STATUS];
  const error = (status & ~cpu.i32[FPU_CONTROL] & 0x3f) !== 0;
  cpu.i32[FPU_STATUS] = error ? status | ERROR_SUMMARY | BUSY : status & ~(ERROR_SUMMARY | BUSY);
}

export function fninit(cpu: CpuState): number {
  const w = cpu.i32;
  w[FPU_CONTROL] = 0x37f;
  w[FPU_STATUS] = 0;
  w[FPU_TAG] = 0xffff;
  w[FPU_IP] =
    w[FPU_IP_SELECTOR] =
    w[FPU_DP] =
    w[FPU_DP_SELECTOR] =
    w[FPU_OPCODE] =
      0;
  return 0;
}

export function fnclex(cpu: CpuState): number {
  cpu.i32[FPU_STATUS] &= 0x7f00;
  return 0;
}

export function fldcw(cpu: CpuState, _d: number, s: number): number {
  if (isPending(cpu)) return X86_MF;
  setControlWord(cpu, cpu.i32[s] & 0xffff);
  return 0;
}

export function fnstcw(cpu: CpuState, d: number): number {
  cpu.u16[2 * d] = cpu.i32[FPU_CONTROL];
  return 0;
}

export function fnstsw(cpu: CpuState, d: number): number {
  cpu.u16[2 * d] = cpu.i32[FPU_STATUS];
  return 0;
}

export function fnstswAx(cpu: CpuState): number {
  cpu.u16[2 * EAX] = cpu.i32[FPU_STATUS];
  return 0;
}

/** FNOP and FWAIT: raise what is pending. */
export function wait(cpu: CpuState): number {
  return isPending(cpu) ? X86_MF : 0;
}

function turn(by: number): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    rotate(cpu, by);
    report(cpu, 0);
    return 0;
  };
}

export const fincstp = turn(1), fdecstp = turn(-1);

export function ffree(cpu: CpuState, _d: number, i: number): number {
  if (isPending(cpu)) return X86_MF;
  setEmpty(cpu, i);
  report(cpu, 0);
  return 0;
}

export function ffreep(cpu: CpuState, _d: number, i: number): number {
  if (isPending(cpu)) return X86_MF;
  setEmpty(cpu, i);
  report(cpu, 0);
  pop(cpu);
  return 0;
}
