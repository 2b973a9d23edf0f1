/**
 * x87 instructions that store: FST, FSTP, FIST, FISTP, FISTTP, FBSTP.
 *
 * An unmasked exception keeps memory and stack as they were, except PE, which comes with the result.
 */

import { X86_MF } from "../engine.ts";
import { MEMORY_WORD, type Operation, OPERATION_NO_STORE } from "../operation.ts";
import { type CpuState, FPU_CONTROL } from "../state.ts";
import { roundingMode } from "./arithmetic.ts";
import { round, toInteger } from "./rounding.ts";
import {
  copyStack,
  isEmpty,
  isPending,
  loadStack,
  pop,
  report,
  setInUse,
  stackWord,
  storeStack,
  underflows,
  unmasked,
} from "./stack.ts";
import {
  A,
  copy,
  copyQuiet,
  IE,
  isNaNKind,
  KIND,
  OE,
  OUT,
  packDouble,
  packExtended,
  packSingle,
  PE,
  R,
  setDefaultNaN,
  SIGN,
  SNAN,
  TOWARD_ZERO,
  UE,
  UNSUPPORTED,
  v,
} from "./value.ts";

/** Ends a store of `v[OUT]`..., of which the engine takes as much as the operand has. */
function finish(cpu: CpuState, flags: number, pops: boolean): number {
  report(cpu, flags);
  if (unmasked(cpu, flags & ~PE) !== 0) return OPERATION_NO_STORE;
  cpu.i32[MEMORY_WORD] = v[OUT];
  cpu.i32[MEMORY_WORD + 1] = v[OUT + 1];
  cpu.i32[MEMORY_WORD + 2] = v[OUT + 2];
  if (pops) pop(cpu);
  return 0;
}

/** What an empty st(0) gives: the engine stores what `pack` makes of the default NaN. */
function underflow(cpu: CpuState, pack: () => void, pops: boolean): number {
  if (underflows(cpu)) return OPERATION_NO_STORE;
  pack();
  cpu.i32[MEMORY_WORD] = v[OUT];
  cpu.i32[MEMORY_WORD + 1] = v[OUT + 1];
  cpu.i32[MEMORY_WORD + 2] = v[OUT + 2];
  if (pops) pop(cpu);
  return 0;
}

/** FST and FSTP to float32 (24 bits) or float64 (53). */
function storeFloat(precision: 24 | 53, pops: boolean): Operation {
  const maximum = precision === 24 ? 127 : 1023;
  const pack = precision === 24 ? () => packSingle(R) : () => packDouble(R);
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, pack, pops);
    loadStack(cpu, A, 0);
    let flags = 0;
    const kind = v[A + KIND];
    if (kind === UNSUPPORTED) {
      setDefaultNaN(R);
      flags = IE;
    } else if (isNaNKind(kind)) {
      copyQuiet(R, A);
      if (kind === SNAN) flags = IE;
    } else {
      copy(R, A);
      flags = round(precision, 1 - maximum, maximum, roundingMode(cpu), ~cpu.i32[FPU_CONTROL]);
      // What is not stored is not rounded either.
      if (unmasked(cpu, flags & (OE | UE)) !== 0) flags &= OE | UE;
    }
    // An unmasked exception leaves R with an exponent that does not fit; it is not stored.
    pack();
    return finish(cpu, flags, pops);
  };
}

export const fstSingle = storeFloat(24, false), fstpSingle = storeFloat(24, true);
export const fstDouble = storeDouble(false), fstpDouble = storeDouble(true);

/** The bias of the extended format less that of float64. */
const DOUBLE_BIAS = 16383 - 1023;

/** FST and FSTP m64: a number that float64 holds exactly needs no rounding. */
function storeDouble(pops: boolean): Operation {
  const storeAny = storeFloat(53, pops);
  return (cpu, d, s, immediate) => {
    const w = stackWord(cpu, 0), low = cpu.i32[w], high = cpu.i32[w + 1];
    const head = cpu.u16[2 * w + 4], exponent = (head & 0x7fff) - DOUBLE_BIAS;
    const exact = high < 0 && (low & 0x7ff) === 0 && exponent > 0 && exponent < 0x7ff;
    if (!exact || isPending(cpu) || isEmpty(cpu, 0)) return storeAny(cpu, d, s, immediate);
    cpu.i32[MEMORY_WORD] = high << 21 | low >>> 11;
    cpu.i32[MEMORY_WORD + 1] = head >>> 15 << 31 | exponent << 20 | high >>> 11 & 0xfffff;
    report(cpu, 0);
    if (pops) pop(cpu);
    return 0;
  };
}

export function fstpExtended(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0)) return underflow(cpu, () => packExtended(R), true);
  copyStack(cpu, MEMORY_WORD, stackWord(cpu, 0));
  report(cpu, 0);
  pop(cpu);
  return 0;
}

/** FST st(i) and FSTP st(i): the bits as they are. */
function storeRegister(pops: boolean): Operation {
  return (cpu, _d, i) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) {
      if (underflows(cpu)) return 0;
      storeStack(cpu, i);
    } else {
      copyStack(cpu, stackWord(cpu, i), stackWord(cpu, 0));
      setInUse(cpu, i);
      report(cpu, 0);
    }
    if (pops) pop(cpu);
    return 0;
  };
}

export const fstRegister = storeRegister(false), fstpRegister = storeRegister(true);

/** The undocumented FSTPNCE: as FSTP st(i), but an empty st(0) is popped without a stack fault. */
export function fstpnce(cpu: CpuState, destination: number, i: number): number {
  if (isPending(cpu)) return X86_MF;
  if (!isEmpty(cpu, 0)) return fstpRegister(cpu, destination, i, 0);
  report(cpu, 0);
  pop(cpu);
  return 0;
}

/** The integer indefinite of `bits` in v[OUT], v[OUT + 1]. */
function indefinite(bits: number): void {
  v[OUT] = bits === 64 ? 0 : bits === 32 ? 0x80000000 : 0x8000;
  v[OUT + 1] = 0x80000000;
}

/** FIST, FISTP; FISTTP if `truncate`. */
export function storeInteger(bits: 16 | 32 | 64, pops: boolean, truncate = false): Operation {
  return (cpu) => {
    if (isPending(cpu)) return X86_MF;
    if (isEmpty(cpu, 0)) return underflow(cpu, () => indefinite(bits), pops);
    loadStack(cpu, R, 0);
    let flags = toInteger(bits, truncate ? TOWARD_ZERO : roundingMode(cpu));
    if (flags < 0) {
      indefinite(bits);
      flags = IE;
    }
    return finish(cpu, flags, pops);
  };
}

/** The packed decimal indefinite. */
function decimalIndefinite(): void {
  v[OUT] = 0;
  v[OUT + 1] = 0xc0000000;
  v[OUT + 2] = 0xffff;
}

const DECIMAL_LIMIT = 10n ** 18n;

export function fbstp(cpu: CpuState): number {
  if (isPending(cpu)) return X86_MF;
  if (isEmpty(cpu, 0)) return underflow(cpu, decimalIndefinite, true);
  loadStack(cpu, R, 0);
  const sign = v[R + SIGN];
  let flags = toInteger(64, roundingMode(cpu));
  if (flags >= 0) {
    let value = BigInt(v[OUT + 1]) << 32n | BigInt(v[OUT] >>> 0);
    if (value < 0n) value = -value;
    if (value < DECIMAL_LIMIT) packDecimal(value, sign);
    else flags = -1;
  }
  if (flags < 0) {
    decimalIndefinite();
    flags = IE;
  }
  return finish(cpu, flags, true);
}

function packDecimal(value: bigint, sign: number): void {
  let digits = 0n;
  for (let shift = 0n; shift < 72n; shift += 4n) {
    digits |= value % 10n << shift;
    value /= 10n;
  }
  v[OUT] = Number(digits & 0xffffffffn);
  v[OUT + 1] = Number(digits >> 32n & 0xffffffffn);
  v[OUT + 2] = Number(digits >> 64n) | sign << 15;
}
