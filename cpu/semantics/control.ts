/** Branches, calls, loops, software interrupts and the flag instructions (Intel SDM vol. 1, 7.3.8, 7.3.13). */

import type { Builder, Meaning } from "../builder.ts";
import { and, constant, eq, lt, ne, or, select, shl, sub, xor, zext16 } from "../expression.ts";
import type { Expression } from "../ir.ts";
import { add, zext8 } from "../expression.ts";
import type { Form, FormOperand } from "../shape.ts";
import { ECX, FLAGS_CONTROL } from "../state.ts";
import { AF, CF, DF, OF, PF, SF, ZF } from "../flags.ts";
import { X86_BP, X86_BR, X86_DB, X86_GP, X86_OF } from "../engine.ts";
import { CONDITIONS } from "./conditions.ts";

function branchIf(b: Builder, condition: Expression, operand: FormOperand): void {
  b.if(condition, () => b.jump(b.branchTarget(operand)), () => b.jump(b.nextEip()));
}

/** Where JMP and CALL go. */
function destination(b: Builder, operand: FormOperand): Expression {
  if (operand.kind === "rel") return b.branchTarget(operand);
  const value = b.read(operand);
  return operand.size === 2 ? zext16(value) : value;
}

function jump(b: Builder, form: Form): void {
  const [operand] = form.operands;
  if (operand.kind === "far") return b.protected();
  b.jump(destination(b, operand));
}

function call(b: Builder, form: Form): void {
  const [operand] = form.operands;
  const target = b.let(destination(b, operand));
  b.push(b.operandWidth(), b.nextEip());
  b.jump(target);
}

function ret(b: Builder, form: Form): void {
  const width = b.operandWidth();
  const address = b.top(width);
  const extra = form.operands.length === 0 ? constant(0) : zext16(b.read(form.operands[0]));
  b.release(add(constant(width / 8), extra));
  b.jump(width === 16 ? zext16(address) : address);
}

/** LOOP, LOOPE, LOOPNE: the counter is CX or ECX by address size. */
function loop(zero: boolean | null): Meaning {
  return (b, form) => {
    const width = form.addressSize === 2 ? 16 : 32;
    const count = b.let(sub(b.register(ECX, width), 1));
    b.setRegister(ECX, count, width);
    const more = ne(width === 16 ? zext16(count) : count, 0);
    const [operand] = form.operands;
    if (zero === null) return branchIf(b, more, operand);
    const wanted = b.condition(zero ? 4 : 5);
    branchIf(b, ne(and(select(more, 1, 0), select(wanted, 1, 0)), 0), operand);
  };
}

function jumpIfCounterZero(b: Builder, form: Form): void {
  branchIf(b, eq(b.register(ECX, form.addressSize === 2 ? 16 : 32), 0), form.operands[0]);
}

/** INT n: what a user-level process may not call raises #GP(n * 8 + 2); INT 3 and INT 4 are traps. */
function softwareInterrupt(b: Builder, form: Form): void {
  if (form.variant === "breakpoint") return b.trap(X86_BP);
  if (form.variant === "overflow") return b.trap(X86_OF);
  b.fault(X86_GP, or(shl(zext8(b.read(form.operands[0])), 3), constant(2)));
}

function interruptOnOverflow(b: Builder): void {
  b.if(b.condition(0), () => b.trap(X86_OF));
  b.jump(b.nextEip());
}

function bound(b: Builder, form: Form): void {
  const [operand, memory] = form.operands;
  const width = b.operandWidth();
  const index = b.read(operand);
  const address = b.let(b.address(memory));
  const lower = b.load(width, address);
  const upper = b.load(width, add(address, constant(width / 8)));
  b.if(lt(index, lower), () => b.fault(X86_BR));
  b.if(lt(upper, index), () => b.fault(X86_BR));
}

/** CLC, STC, CMC: `change` of the arithmetic flags. */
function carryFlag(change: (flags: Expression) => Expression): Meaning {
  return (b) => b.perform("setFlagsWord", change(b.call("getFlags")));
}

function directionFlag(set: boolean): Meaning {
  return (b) => {
    const control = b.word(FLAGS_CONTROL);
    b.setWord(FLAGS_CONTROL, set ? or(control, constant(DF)) : and(control, constant(~DF)));
  };
}

function loadFlags(b: Builder): void {
  const flags = and(b.call("getFlags"), constant(0xff));
  b.setRegister(4, or(flags, constant(2)), 8);
}

function storeFlags(b: Builder): void {
  const mask = CF | PF | AF | ZF | SF;
  const kept = and(b.call("getFlags"), constant(OF));
  b.perform("setFlagsWord", or(kept, and(b.register(4, 8), constant(mask))));
}

export const CONTROL: Record<string, Meaning> = {
  jmp: jump,
  call,
  ret,
  loop: loop(null),
  loope: loop(true),
  loopne: loop(false),
  jecxz: jumpIfCounterZero,
  int3: (b) => b.trap(X86_BP),
  int1: (b) => b.trap(X86_DB),
  int: softwareInterrupt,
  into: interruptOnOverflow,
  bound,
  clc: carryFlag((flags) => and(flags, constant(~CF))),
  stc: carryFlag((flags) => or(flags, constant(CF))),
  cmc: carryFlag((flags) => xor(flags, constant(CF))),
  cld: directionFlag(false),
  std: directionFlag(true),
  lahf: loadFlags,
  sahf: storeFlags,
};

for (const [code, name] of CONDITIONS.entries()) {
  CONTROL[`j${name}`] = (b, form) => branchIf(b, b.condition(code), form.operands[0]);
}
