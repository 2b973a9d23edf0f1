/**
 * EFLAGS, kept lazily.
 *
 * Nearly every instruction sets the arithmetic flags and hardly any result is looked at. So an
 * instruction leaves behind what the flags follow from, and whoever needs a flag computes it:
 *
 *     kind      CF                OF               AF           ZF SF PF
 *     explicit  all six are bits of A
 *     partial   bits of A                                       from RESULT
 *     add adc   carry out of      A + B (+ carry) = RESULT      from RESULT
 *     sub sbb   borrow of         A - B (- borrow) = RESULT     from RESULT
 *     inc dec   CARRY (0 or 1)    as add and sub with B = 1     from RESULT
 *
 * A, B and RESULT are sign-extended from the operand width to 32 bits. That keeps the order of both
 * signed and unsigned values and puts the sign at bit 31, so that no width needs to be known here.
 *
 * Words FLAGS_LAZY.. of the state are KIND A B RESULT CARRY. Code outside of cpu/ uses `readFlags` and
 * `writeFlags` and nothing else.
 *
 * Flags that the Intel manual leaves undefined follow recent Intel silicon where it is known: AF = 0
 * after AND OR XOR TEST and shifts; OF of shifts and rotates by more than 1 as if the last step had been
 * the only one; MUL and IMUL set SF and PF from the low half, ZF = 0, AF = 0; DIV and IDIV change
 * nothing; BSF and BSR change only ZF; BT* change only CF.
 *
 * TF can be neither set nor read: there is no single-stepping inside a VM. IF reads as 1 here, as in any
 * user-level process; the virtual interrupt flag is a virtual register (kernel/abi.ts).
 */

import { type CpuState, FLAGS_CONTROL, FLAGS_LAZY } from "./state.ts";
import type { FlagKind } from "./ir.ts";

export const CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11;
export const TF = 1 << 8, IF = 1 << 9, DF = 1 << 10, NT = 1 << 14, AC = 1 << 18, ID = 1 << 21;

/** The six flags that arithmetic sets. */
export const ARITHMETIC_FLAGS: number = CF | PF | AF | ZF | SF | OF;
/** What POPF changes at user level, apart from those (Intel SDM vol. 2, POPF, CPL 3, IOPL 0). */
export const USER_CONTROL_FLAGS: number = DF | NT | AC | ID;

export const LAZY_KIND: number = FLAGS_LAZY;
export const LAZY_A: number = FLAGS_LAZY + 1;
export const LAZY_B: number = FLAGS_LAZY + 2;
export const LAZY_RESULT: number = FLAGS_LAZY + 3;
export const LAZY_CARRY: number = FLAGS_LAZY + 4;

const EXPLICIT = 0, PARTIAL = 1, ADD = 2, SUB = 3, SBB = 4, INC = 5, DEC = 6;

/** The number that stands for a kind in LAZY_KIND. */
export const FLAG_KIND_CODE: Record<FlagKind, number> = {
  explicit: EXPLICIT,
  partial: PARTIAL,
  add: ADD,
  adc: ADD,
  sub: SUB,
  sbb: SBB,
  inc: INC,
  dec: DEC,
  // Stored as the flags themselves.
  order: EXPLICIT,
};

export function getCarry(i32: Int32Array): boolean {
  const kind = i32[LAZY_KIND];
  if (kind >= INC) return i32[LAZY_CARRY] !== 0;
  return carryOf(kind, i32[LAZY_A], i32[LAZY_B], i32[LAZY_RESULT]) !== 0;
}

/** CF as 0 or 1 from the words KIND (any but those of inc and dec), A, B and RESULT. */
export function carryOf(kind: number, a: number, b: number, result: number): number {
  switch (kind) {
    case SUB:
      return (a >>> 0) < (b >>> 0) ? 1 : 0;
    case ADD:
      return ((a & b) | ((a | b) & ~result)) >>> 31;
    case SBB:
      return ((~a & b) | (~(a ^ b) & result)) >>> 31;
    default:
      return a & CF;
  }
}

export function getZero(i32: Int32Array): boolean {
  return i32[LAZY_KIND] === EXPLICIT ? (i32[LAZY_A] & ZF) !== 0 : i32[LAZY_RESULT] === 0;
}

export function getSign(i32: Int32Array): boolean {
  return i32[LAZY_KIND] === EXPLICIT ? (i32[LAZY_A] & SF) !== 0 : i32[LAZY_RESULT] < 0;
}

/** PF is 1 if the low byte of the result has an even number of ones. */
export function getParity(i32: Int32Array): boolean {
  if (i32[LAZY_KIND] === EXPLICIT) return (i32[LAZY_A] & PF) !== 0;
  const result = i32[LAZY_RESULT];
  // 0x9669 has a bit for each value of a nibble: 1 = even parity.
  return ((0x9669 >> ((result ^ (result >> 4)) & 15)) & 1) !== 0;
}

export function getOverflow(i32: Int32Array): boolean {
  const kind = i32[LAZY_KIND], a = i32[LAZY_A];
  if (kind < ADD) return (a & OF) !== 0;
  const b = i32[LAZY_B], result = i32[LAZY_RESULT];
  if (kind === ADD || kind === INC) return ((a ^ result) & (b ^ result)) < 0;
  return ((a ^ b) & (a ^ result)) < 0;
}

export function getAdjust(i32: Int32Array): boolean {
  const a = i32[LAZY_A];
  if (i32[LAZY_KIND] < ADD) return (a & AF) !== 0;
  return ((a ^ i32[LAZY_B] ^ i32[LAZY_RESULT]) & AF) !== 0;
}

/** SF is not OF: signed less. */
export function getLess(i32: Int32Array): boolean {
  if (i32[LAZY_KIND] === SUB) return i32[LAZY_A] < i32[LAZY_B];
  return getSign(i32) !== getOverflow(i32);
}

export function getBelowOrEqual(i32: Int32Array): boolean {
  return getCarry(i32) || getZero(i32);
}

export function getLessOrEqual(i32: Int32Array): boolean {
  return getZero(i32) || getLess(i32);
}

/** The even condition codes, by code >> 1; the odd ones are their negations. */
export const CONDITION_NAMES = [
  "getOverflow",
  "getCarry",
  "getZero",
  "getBelowOrEqual",
  "getSign",
  "getParity",
  "getLess",
  "getLessOrEqual",
] as const;

/** The six arithmetic flags at their places in EFLAGS. */
export function getArithmeticFlags(i32: Int32Array): number {
  if (i32[LAZY_KIND] === EXPLICIT) return i32[LAZY_A] & ARITHMETIC_FLAGS;
  return (getCarry(i32) ? CF : 0) | (getParity(i32) ? PF : 0) | (getAdjust(i32) ? AF : 0) |
    (getZero(i32) ? ZF : 0) | (getSign(i32) ? SF : 0) | (getOverflow(i32) ? OF : 0);
}

/** EFLAGS as PUSHF would store it. */
export function readFlags(cpu: CpuState): number {
  return getArithmeticFlags(cpu.i32) | cpu.i32[FLAGS_CONTROL] | IF | 2;
}

/** Sets the arithmetic flags and what else POPF may change; ignores every other bit of `value`. */
export function writeFlags(cpu: CpuState, value: number): void {
  const i32 = cpu.i32;
  i32[LAZY_KIND] = EXPLICIT;
  i32[LAZY_A] = value & ARITHMETIC_FLAGS;
  i32[FLAGS_CONTROL] = (value & USER_CONTROL_FLAGS) | 2;
}
