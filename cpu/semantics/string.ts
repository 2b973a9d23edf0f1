/**
 * String instructions (Intel SDM vol. 1, 7.3.9).
 *
 * With a repeat prefix each element is complete before the next begins, so a fault leaves ESI, EDI and ECX
 * at the element that faulted and the instruction goes on from there. To bound the time of one step it is
 * also left, with EIP still at it, after MAXIMUM_ELEMENTS or one bulk copy within a page.
 */

import type { Builder, Meaning } from "../builder.ts";
import { add, and, constant, eq, mul, ne, select, sext, sub } from "../expression.ts";
import type { Expression, Temp, Width } from "../ir.ts";
import type { Form } from "../shape.ts";
import { DS, ES } from "../instruction.ts";
import { EAX, ECX, EDI, ESI, FLAGS_CONTROL } from "../state.ts";
import { DF } from "../flags.ts";

/** Elements that one step of a repeated instruction handles one by one. */
const MAXIMUM_ELEMENTS = 64;

/** What one element does; returns after advancing ESI and EDI. */
type Element = (b: Builder, form: Form, width: Width, step: Expression) => void;
/** Tries many elements at once; the temporary is how many were done, 0: none. */
type Bulk = (b: Builder, form: Form, width: Width) => Temp;

function sourceAddress(b: Builder, form: Form): Expression {
  return b.linear(form.override < 0 ? DS : form.override, b.addressRegister(ESI));
}

function targetAddress(b: Builder): Expression {
  return b.linear(ES, b.addressRegister(EDI));
}

function advance(b: Builder, register: number, step: Expression): void {
  b.setAddressRegister(register, add(b.register(register), step));
}

const moveElement: Element = (b, form, width, step) => {
  b.store(width, targetAddress(b), b.load(width, sourceAddress(b, form)));
  advance(b, ESI, step);
  advance(b, EDI, step);
};

const storeElement: Element = (b, _form, width, step) => {
  b.store(width, targetAddress(b), b.register(EAX, width));
  advance(b, EDI, step);
};

const loadElement: Element = (b, form, width, step) => {
  b.setRegister(EAX, b.load(width, sourceAddress(b, form)), width);
  advance(b, ESI, step);
};

const compareElement: Element = (b, form, width, step) => {
  const left = b.load(width, sourceAddress(b, form));
  const right = b.load(width, targetAddress(b));
  advance(b, ESI, step);
  advance(b, EDI, step);
  b.setFlags("sub", left, right, b.let(sext(width, sub(left, right))));
};

const scanElement: Element = (b, _form, width, step) => {
  const left = b.register(EAX, width);
  const right = b.load(width, targetAddress(b));
  advance(b, EDI, step);
  b.setFlags("sub", left, right, b.let(sext(width, sub(left, right))));
};

const moveBulk: Bulk = (b, form, width) => {
  const size = width / 8;
  const source = b.let(sourceAddress(b, form));
  return b.call("bulkMove", constant(size), b.register(EDI), source, b.register(ECX));
};

const storeBulk: Bulk = (b, _form, width) => {
  const size = width / 8;
  const value = b.register(EAX, width);
  return b.call("bulkFill", constant(size), b.register(EDI), value, b.register(ECX));
};

interface StringInstruction {
  readonly element: Element;
  readonly bulk?: Bulk;
  /** The index registers that `bulk` leaves to be advanced. */
  readonly bulkRegisters?: readonly number[];
  /** CMPS and SCAS: REPE and REPNE look at ZF. */
  readonly compares?: boolean;
}

function meaning(instruction: StringInstruction, width: Width): Meaning {
  return (b, form) => {
    const size = width / 8;
    const direction = b.let(and(b.word(FLAGS_CONTROL), constant(DF)));
    const step = b.let(select(ne(direction, 0), -size, size));
    if (form.repeat === "") return instruction.element(b, form, width, step);
    repeat(b, form, instruction, width, direction, step);
  };
}

function repeat(
  b: Builder,
  form: Form,
  instruction: StringInstruction,
  width: Width,
  direction: Expression,
  step: Expression,
): void {
  const next = b.nextEip();
  b.if(eq(b.addressRegister(ECX), 0), () => b.jump(next));
  if (instruction.bulk !== undefined && form.addressSize === 4) {
    const { bulk } = instruction;
    b.if(eq(direction, 0), () => {
      const done = bulk(b, form, width);
      b.if(ne(done, 0), () => {
        const bytes = b.let(mul(done, width / 8));
        for (const register of instruction.bulkRegisters ?? []) advance(b, register, bytes);
        const left = b.let(sub(b.register(ECX), done));
        b.setRegister(ECX, left);
        b.if(eq(left, 0), () => b.jump(next), () => b.jump(b.eip()));
      });
    });
  }
  const budget = b.let(constant(MAXIMUM_ELEMENTS));
  b.loop(() => {
    instruction.element(b, form, width, step);
    const left = b.let(sub(b.addressRegister(ECX), 1));
    b.setAddressRegister(ECX, left);
    b.if(eq(left, 0), () => b.jump(next));
    if (instruction.compares) {
      const condition = b.condition(form.repeat === "rep" ? 5 : 4);
      b.if(condition, () => b.jump(next));
    }
    b.assign(budget, sub(budget, 1));
    b.if(eq(budget, 0), () => b.break());
  });
  b.jump(b.eip());
}

const FAMILY: Record<string, StringInstruction> = {
  movs: { element: moveElement, bulk: moveBulk, bulkRegisters: [ESI, EDI] },
  stos: { element: storeElement, bulk: storeBulk, bulkRegisters: [EDI] },
  lods: { element: loadElement },
  cmps: { element: compareElement, compares: true },
  scas: { element: scanElement, compares: true },
};

export const STRING: Record<string, Meaning> = {};
for (const [name, instruction] of Object.entries(FAMILY)) {
  STRING[`${name}b`] = meaning(instruction, 8);
  STRING[`${name}w`] = meaning(instruction, 16);
  STRING[`${name}l`] = meaning(instruction, 32);
}
