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

import { add, and, constant, sext, shl, typeOf, ZERO, zext16 } from "./expression.ts";
import type {
  Expression,
  FlagKind,
  HelperName,
  MemoryWidth,
  Program,
  Statement,
  Temp,
  Type,
  View,
  Width,
} from "./ir.ts";
import { type Form, type FormOperand, registerIndex } from "./shape.ts";
import { CS, FS, GS } from "./instruction.ts";
import { ESP, FS_BASE, GS_BASE } from "./state.ts";
import { X86_GP, X86_UD } from "./engine.ts";
import type { Operation } from "./operation.ts";

/** An operand that is read and then written. */
export interface Target {
  readonly value: Temp;
  write(value: Expression): void;
}

export type Meaning = (builder: Builder, form: Form) => void;

export class Builder {
  private statements: Statement[] = [];
  private temps = 0;
  private places = 0;
  private terminator = false;

  constructor(readonly form: Form) {}

  program(): Program {
    return { body: this.statements, terminator: this.terminator };
  }

  private temp(type: Type = "i32"): Temp {
    return { op: "temp", id: this.temps++, type };
  }

  private nested(body: () => void): Statement[] {
    const outer = this.statements;
    const inner: Statement[] = this.statements = [];
    body();
    this.statements = outer;
    return inner;
  }

  // Temporaries and control inside of the instruction.

  let(value: Expression): Temp {
    const temp = this.temp(typeOf(value));
    this.statements.push({ op: "let", temp, value });
    return temp;
  }

  assign(temp: Temp, value: Expression): void {
    this.statements.push({ op: "assign", temp, value });
  }

  if(condition: Expression, then: () => void, otherwise?: () => void): void {
    this.statements.push({
      op: "if",
      condition,
      then: this.nested(then),
      else: otherwise === undefined ? [] : this.nested(otherwise),
    });
  }

  loop(body: () => void): void {
    this.statements.push({ op: "loop", body: this.nested(body) });
  }

  break(): void {
    this.statements.push({ op: "break" });
  }

  // State.

  /** The general register with this number. */
  register(number: number, width: Width = 32): Temp {
    return this.getRegister(width, constant(registerIndex(number, width / 8)));
  }

  setRegister(number: number, value: Expression, width: Width = 32): void {
    this.putRegister(width, constant(registerIndex(number, width / 8)), value);
  }

  getRegister(width: Width, index: Expression): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getRegister", temp, width, index });
    return temp;
  }

  putRegister(width: Width, index: Expression, value: Expression): void {
    this.statements.push({ op: "setRegister", width, index, value });
  }

  word(word: number): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getWord", temp, word });
    return temp;
  }

  setWord(word: number, value: Expression): void {
    this.statements.push({ op: "setWord", word, value, scratch: false });
  }

  /** As setWord, for a scratch word of the engine. */
  setScratch(word: number, value: Expression): void {
    this.statements.push({ op: "setWord", word, value, scratch: true });
  }

  part(view: View, index: Expression): Temp {
    const temp = this.temp(view === "word" ? "i32" : "f64");
    this.statements.push({ op: "getPart", temp, view, index });
    return temp;
  }

  setPart(view: View, index: Expression, value: Expression): void {
    this.statements.push({ op: "setPart", view, index, value, scratch: false });
  }

  /** As setPart, for the buffer of operations. */
  setScratchPart(view: View, index: number, value: Expression): void {
    this.statements.push({
      op: "setPart",
      view,
      index: constant(index),
      value,
      scratch: true,
    });
  }

  // Memory. Addresses are linear.

  load(width: MemoryWidth, address: Expression): Temp {
    const temp = this.temp(width === 64 ? "f64" : "i32");
    this.statements.push({ op: "load", temp, width, address, reserved: false });
    return temp;
  }

  store(width: MemoryWidth, address: Expression, value: Expression): void {
    this.statements.push({ op: "store", width, address, value, reserved: false });
  }

  /** A load that an earlier `checkRange` has made safe. */
  loadReserved(width: MemoryWidth, address: Expression): Temp {
    const temp = this.temp(width === 64 ? "f64" : "i32");
    this.statements.push({ op: "load", temp, width, address, reserved: true });
    return temp;
  }

  /** A store that an earlier `reserveRange` has made safe. */
  storeReserved(width: MemoryWidth, address: Expression, value: Expression): void {
    this.statements.push({ op: "store", width, address, value, reserved: true });
  }

  /** Memory that is read now and written later: faults now if either is impossible. */
  modify(width: Width, address: Expression): Target {
    const at = this.let(address);
    const place = this.places++;
    const value = this.temp();
    this.statements.push({ op: "reserve", place, width, address: at });
    this.statements.push({ op: "getPlace", temp: value, place, width, address: at });
    return {
      value,
      write: (result) =>
        this.statements.push({ op: "setPlace", place, width, address: at, value: result }),
    };
  }

  /** Memory that is written later: faults now if that is impossible. Returns what writes it. */
  reserve(width: MemoryWidth, address: Expression): (value: Expression) => void {
    const at = this.let(address);
    const place = this.places++;
    this.statements.push({ op: "reserve", place, width, address: at });
    return (value) => this.statements.push({ op: "setPlace", place, width, address: at, value });
  }

  // Flags.

  setFlags(
    kind: FlagKind,
    a: Expression,
    b: Expression,
    result: Expression,
    carry: Expression = ZERO,
  ): void {
    this.statements.push({ op: "setFlags", kind, a, b, result, carry });
  }

  /** Condition code 0..15 as bool. */
  condition(code: number): Temp {
    const temp = this.temp("bool");
    this.statements.push({ op: "getCondition", temp, code });
    return temp;
  }

  // Helpers of cpu/runtime.ts.

  call(helper: HelperName, ...values: Expression[]): Temp {
    const temp = this.temp();
    this.statements.push({ op: "call", temp, helper, values });
    return temp;
  }

  perform(helper: HelperName, ...values: Expression[]): void {
    this.statements.push({ op: "call", temp: null, helper, values });
  }

  /** Runs an x87, MMX or SSE operation; the result is OPERATION_NO_STORE or 0. */
  operation(operation: Operation, values: readonly Expression[]): Temp {
    const temp = this.temp();
    this.statements.push({ op: "operation", temp, operation, values });
    return temp;
  }

  // Ways out.

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

  private codeAddress(offset: Expression): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getEip", temp, offset });
    return temp;
  }

  jump(target: Expression): void {
    this.terminator = true;
    this.statements.push({ op: "jump", target });
  }

  exit(reason: number, after: boolean): void {
    this.terminator = true;
    this.statements.push({ op: "exit", reason, after });
  }

  fault(vector: number | Expression, error: Expression = ZERO): void {
    const number = typeof vector === "number" ? constant(vector) : vector;
    this.statements.push({ op: "raise", vector: number, error, trap: false });
  }

  trap(vector: number): void {
    this.terminator = true;
    this.statements.push({ op: "raise", vector: constant(vector), error: ZERO, trap: true });
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
