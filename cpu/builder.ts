/**
 * Writes a program of the IR: what semantic functions (cpu/semantics/) are given.
 *
 * Rules for semantic functions:
 * - Read first, then reserve what will be written, then change something: `target` does that for an
 *   operand that is read and written.
 * - A temporary stands for the value at the moment it was read; it can be used after the register
 *   changed.
 * - An expression that is used more than once belongs into a temporary (`let`).
 */

import { add, and, constant, sext, shl, ZERO, zext16 } from "./expression.ts";
import type { Expression, Temp, Width } from "./ir.ts";
import type { Form, FormOperand } from "./shape.ts";
import { StatementBuilder, type Target } from "./statement_builder.ts";
import { CS, FS, GS } from "./instruction.ts";
import { ESP, FS_BASE, GS_BASE } from "./state.ts";
import { X86_GP, X86_UD } from "./engine.ts";

export type Meaning = (builder: Builder, form: Form) => void;

export class Builder extends StatementBuilder {
  constructor(readonly form: Form) {
    super();
  }

  // Where the instruction stands, and its faults.

  /** The linear address of this instruction. */
  eip(): Temp {
    return this.codeAddress(this.form.start);
  }

  /** The linear address of the next instruction, cut to the operand size for what pushes it. */
  nextEip(): Temp {
    return this.codeAddress(this.form.end);
  }

  /** The target of a relative branch operand. */
  branchTarget(operand: FormOperand): Expression {
    const target = this.codeAddress(operand.value);
    return this.form.operandSize === 2 ? zext16(target) : target;
  }

  undefined(): void {
    this.fault(X86_UD);
  }

  protected(): void {
    this.fault(X86_GP);
  }

  // Operands.

  /** Base, index and displacement, cut to the address size. */
  effectiveAddress(operand: FormOperand): Expression {
    let address: Expression = ZERO;
    if (operand.base !== null) address = add(address, this.getRegister(32, operand.base));
    if (operand.index !== null) {
      const index = this.getRegister(32, operand.index);
      address = add(address, shl(index, operand.shift));
    }
    if (operand.displacement !== null) address = add(address, operand.displacement);
    return this.form.addressSize === 2 ? zext16(address) : address;
  }

  /** Adds the base of FS or GS; the other segments start at 0. */
  linear(segment: number, offset: Expression): Expression {
    if (segment !== FS && segment !== GS) return offset;
    return add(offset, this.word(segment === FS ? FS_BASE : GS_BASE));
  }

  address(operand: FormOperand): Expression {
    return this.linear(operand.segment, this.effectiveAddress(operand));
  }

  /** As `address`, for a store: a code segment cannot be written. */
  writableAddress(operand: FormOperand): Expression {
    if (operand.segment === CS) this.protected();
    return this.address(operand);
  }

  width(operand: FormOperand): Width {
    return operand.size === 1 ? 8 : operand.size === 2 ? 16 : 32;
  }

  /** The value of a register, memory or immediate operand, sign-extended from its size. */
  read(operand: FormOperand): Temp {
    const width = this.width(operand);
    if (operand.kind === "reg") return this.getRegister(width, operand.register);
    if (operand.kind === "mem") return this.load(width, this.address(operand));
    return this.let(operand.value);
  }

  write(operand: FormOperand, value: Expression): void {
    const width = this.width(operand);
    if (operand.kind === "reg") this.putRegister(width, operand.register, value);
    else this.store(width, this.writableAddress(operand), value);
  }

  target(operand: FormOperand): Target {
    const width = this.width(operand);
    if (operand.kind === "mem") return this.modify(width, this.writableAddress(operand));
    return {
      value: this.getRegister(width, operand.register),
      write: (value) => this.putRegister(width, operand.register, value),
    };
  }

  /** Width of the effective operand size. */
  operandWidth(): Width {
    return this.form.operandSize === 2 ? 16 : 32;
  }

  // The stack: 32-bit ESP always, because SS is flat.

  /** Pushes; the store faults before ESP changes. */
  push(width: Width, value: Expression): void {
    const top = this.let(add(this.register(ESP), constant(-width / 8)));
    this.store(width, top, value);
    this.setRegister(ESP, top);
  }

  /** Reads the top of the stack; the caller then calls `release`. */
  top(width: Width): Temp {
    return this.load(width, this.register(ESP));
  }

  release(bytes: number | Expression): void {
    const count = typeof bytes === "number" ? constant(bytes) : bytes;
    this.setRegister(ESP, add(this.register(ESP), count));
  }

  /** An index register of string instructions and the like: cut to the address size. */
  addressRegister(number: number): Expression {
    const value = this.register(number);
    return this.form.addressSize === 2 ? zext16(value) : value;
  }

  setAddressRegister(number: number, value: Expression): void {
    this.setRegister(number, value, this.form.addressSize === 2 ? 16 : 32);
  }
}

/** Sign-extends a result to the width of `operand`. */
export function fit(operand: FormOperand, value: Expression): Expression {
  return sext(operand.size === 1 ? 8 : operand.size === 2 ? 16 : 32, value);
}

/** The low bits of a shift count. */
export function masked(value: Expression, mask: number): Expression {
  return and(value, constant(mask));
}
