/**
 * The x87 and SSE state in memory: FNSTENV FLDENV FNSAVE FRSTOR (Intel SDM vol. 1, figures 8-9 to 8-12,
 * protected mode) and FXSAVE FXRSTOR (table 10-2), to and from `stateImage`.
 */

import { X86_GP, X86_MF } from "../engine.ts";
import { MM_WORD, type Operation, stateImage, XMM_WORD } from "../operation.ts";
import { MXCSR_MASK } from "../sse/control.ts";
import {
  type CpuState,
  FPU_CONTROL,
  FPU_DP,
  FPU_DP_SELECTOR,
  FPU_IP,
  FPU_IP_SELECTOR,
  FPU_OPCODE,
  FPU_STATUS,
  FPU_TAG,
  MXCSR,
} from "../state.ts";
import { fninit, setControlWord, summarize } from "./control.ts";
import { isPending } from "./stack.ts";
import { DENORMAL, FINITE, KIND, R, unpackExtended, v, ZERO } from "./value.ts";

const view = new DataView(stateImage.buffer);

const put16 = (at: number, value: number) => view.setUint16(at, value, true);
const put32 = (at: number, value: number) => view.setInt32(at, value, true);
const get16 = (at: number) => view.getUint16(at, true);
const get32 = (at: number) => view.getInt32(at, true);

/** The tag word as FNSTENV stores it: 0 valid, 1 zero, 2 special, 3 empty. */
function tagWord(cpu: CpuState): number {
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const w = MM_WORD + 4 * i;
    let tag = cpu.i32[FPU_TAG] >> 2 * i & 3;
    if (tag !== 3) {
      unpackExtended(R, cpu.i32[w], cpu.i32[w + 1], cpu.u16[2 * w + 4]);
      const kind = v[R + KIND];
      tag = kind === ZERO ? 1 : kind === FINITE && v[R + DENORMAL] === 0 ? 0 : 2;
    }
    tags |= tag << 2 * i;
  }
  return tags;
}

/** Of a tag word only "empty" counts; the rest is computed when it is asked for. */
function setTagWord(cpu: CpuState, tags: number): void {
  let kept = 0;
  for (let i = 0; i < 16; i += 2) if ((tags >> i & 3) === 3) kept |= 3 << i;
  cpu.i32[FPU_TAG] = kept;
}

function saveEnvironment(cpu: CpuState, wide: boolean): void {
  const w = cpu.i32;
  const words = [w[FPU_CONTROL], w[FPU_STATUS], tagWord(cpu)];
  if (wide) {
    words.forEach((word, i) => put32(4 * i, 0xffff0000 | word));
    put32(12, w[FPU_IP]);
    put32(16, w[FPU_IP_SELECTOR] | w[FPU_OPCODE] << 16);
    put32(20, w[FPU_DP]);
    put32(24, 0xffff0000 | w[FPU_DP_SELECTOR]);
  } else {
    words.forEach((word, i) => put16(2 * i, word));
    put16(6, w[FPU_IP]);
    put16(8, w[FPU_IP_SELECTOR]);
    put16(10, w[FPU_DP]);
    put16(12, w[FPU_DP_SELECTOR]);
  }
}

function loadEnvironment(cpu: CpuState, wide: boolean): void {
  const w = cpu.i32, step = wide ? 4 : 2;
  w[FPU_STATUS] = get16(step);
  setTagWord(cpu, get16(2 * step));
  setControlWord(cpu, get16(0));
  w[FPU_IP] = wide ? get32(12) : get16(6);
  w[FPU_IP_SELECTOR] = get16(wide ? 16 : 8);
  w[FPU_OPCODE] = wide ? get16(18) & 0x7ff : 0;
  w[FPU_DP] = wide ? get32(20) : get16(10);
  w[FPU_DP_SELECTOR] = get16(wide ? 24 : 12);
}

/** FNSTENV masks all exceptions afterwards. `wide`: the 32-bit format. */
export function fnstenv(wide: boolean): Operation {
  return (cpu) => {
    saveEnvironment(cpu, wide);
    cpu.i32[FPU_CONTROL] |= 0x3f;
    summarize(cpu);
    return 0;
  };
}

export function fldenv(wide: boolean): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    loadEnvironment(cpu, wide);
    return 0;
  };
}

/** Copies st(0)..st(7), 10 bytes each and `stride` apart, from or to the image. */
function copyRegisters(cpu: CpuState, at: number, stride: number, save: boolean): void {
  const top = cpu.i32[FPU_STATUS] >> 11;
  for (let i = 0; i < 8; i++) {
    const register = 4 * (MM_WORD + 4 * (top + i & 7)), image = at + stride * i;
    if (save) stateImage.set(cpu.u8.subarray(register, register + 10), image);
    else cpu.u8.set(stateImage.subarray(image, image + 10), register);
  }
}

export function fnsave(wide: boolean): Operation {
  return (cpu) => {
    saveEnvironment(cpu, wide);
    copyRegisters(cpu, wide ? 28 : 14, 10, true);
    return fninit(cpu);
  };
}

export function frstor(wide: boolean): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    loadEnvironment(cpu, wide);
    copyRegisters(cpu, wide ? 28 : 14, 10, false);
    return 0;
  };
}

/** Bytes of XMM0..XMM7 in the FXSAVE image and in the state. */
const XMM_IMAGE = 160, XMM_BYTES = 128;

export function fxsave(cpu: CpuState): number {
  const w = cpu.i32;
  let valid = 0;
  for (let i = 0; i < 8; i++) if ((w[FPU_TAG] >> 2 * i & 3) !== 3) valid |= 1 << i;
  put16(0, w[FPU_CONTROL]);
  put16(2, w[FPU_STATUS]);
  put16(4, valid);
  put16(6, w[FPU_OPCODE]);
  put32(8, w[FPU_IP]);
  put32(12, w[FPU_IP_SELECTOR]);
  put32(16, w[FPU_DP]);
  put32(20, w[FPU_DP_SELECTOR]);
  put32(24, w[MXCSR]);
  put32(28, MXCSR_MASK);
  stateImage.fill(0, 32, XMM_IMAGE);
  copyRegisters(cpu, 32, 16, true);
  stateImage.set(cpu.u8.subarray(4 * XMM_WORD, 4 * XMM_WORD + XMM_BYTES), XMM_IMAGE);
  return 0;
}

/** The part of the image that FXSAVE writes; the rest of its 512 bytes stays as it was in memory. */
export const FXSAVE_BYTES = XMM_IMAGE + XMM_BYTES;

export function fxrstor(cpu: CpuState): number {
  const w = cpu.i32, mxcsr = get32(24);
  if ((mxcsr & ~MXCSR_MASK) !== 0) return X86_GP;
  w[FPU_STATUS] = get16(2);
  let tags = 0;
  for (let i = 0; i < 8; i++) if ((stateImage[4] >> i & 1) === 0) tags |= 3 << 2 * i;
  w[FPU_TAG] = tags;
  setControlWord(cpu, get16(0));
  w[FPU_OPCODE] = get16(6) & 0x7ff;
  w[FPU_IP] = get32(8);
  w[FPU_IP_SELECTOR] = get16(12);
  w[FPU_DP] = get32(16);
  w[FPU_DP_SELECTOR] = get16(20);
  w[MXCSR] = mxcsr;
  copyRegisters(cpu, 32, 16, false);
  cpu.u8.set(stateImage.subarray(XMM_IMAGE, FXSAVE_BYTES), 4 * XMM_WORD);
  return 0;
}
