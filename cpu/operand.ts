/**
 * Constructors of operands. Registers are made once and shared, because operands are immutable.
 */

import { DS, NO_REGISTER, type Operand, type OperandKind } from "./instruction.ts";

/** An operand that has nothing but a kind, a size and a value. */
export function operand(kind: OperandKind, size: number, value: number): Operand {
  return {
    kind,
    size,
    register: 0,
    base: NO_REGISTER,
    index: NO_REGISTER,
    shift: 0,
    segment: DS,
    value,
  };
}

export function immediate(size: number, value: number): Operand {
  return operand("imm", size, value);
}

/** Memory at segment:[base + (index << shift) + value]. */
export function memory(
  size: number,
  segment: number,
  base: number,
  index: number,
  shift: number,
  value: number,
): Operand {
  return { kind: "mem", size, register: 0, base, index, shift, segment, value };
}

/** The eight registers of a file, made once: operands are immutable. */
function registers(kind: OperandKind, size: number): readonly Operand[] {
  return Array.from({ length: 8 }, (_, register) => ({
    ...operand(kind, size, 0),
    register,
  }));
}

const BYTE_REGISTERS = registers("reg", 1);
const WORD_REGISTERS = registers("reg", 2);
const DOUBLEWORD_REGISTERS = registers("reg", 4);
export const SEGMENT = registers("seg", 2);
export const CONTROL = registers("cr", 4);
export const DEBUG = registers("dr", 4);
export const MMX = registers("mm", 8);
export const XMM = registers("xmm", 16);
export const STACK = registers("st", 10);

export function generalRegister(size: number, register: number): Operand {
  if (size === 4) return DOUBLEWORD_REGISTERS[register];
  return size === 2 ? WORD_REGISTERS[register] : BYTE_REGISTERS[register];
}
