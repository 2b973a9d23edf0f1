/** Addition, subtraction, comparison, logic (Intel SDM vol. 1, 7.3.2 and 7.3.4). */

import { type Builder, fit, type Meaning } from "../builder.ts";
import { add, and, constant, ONE, or, sub, xor, ZERO } from "../expression.ts";
import type { Expression } from "../ir.ts";
import type { Form } from "../shape.ts";

function addition(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const addend = b.read(right);
  const target = b.target(left);
  const result = b.let(fit(left, add(target.value, addend)));
  target.write(result);
  b.setFlags("add", target.value, addend, result);
}

function addWithCarry(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const addend = b.read(right);
  const target = b.target(left);
  const carry = b.call("getCarryBit");
  const result = b.let(fit(left, add(add(target.value, addend), carry)));
  target.write(result);
  b.setFlags("adc", target.value, addend, result);
}

function subtraction(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  if (form.variant === "zero") {
    b.write(left, ZERO);
    b.setFlags("sub", ZERO, ZERO, ZERO);
    return;
  }
  const subtrahend = b.read(right);
  const target = b.target(left);
  const result = b.let(fit(left, sub(target.value, subtrahend)));
  target.write(result);
  b.setFlags("sub", target.value, subtrahend, result);
}

function subtractWithBorrow(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const subtrahend = b.read(right);
  const target = b.target(left);
  const carry = b.call("getCarryBit");
  const result = b.let(fit(left, sub(sub(target.value, subtrahend), carry)));
  target.write(result);
  b.setFlags("sbb", target.value, subtrahend, result);
}

function compare(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const a = b.read(left);
  const subtrahend = b.read(right);
  b.setFlags("sub", a, subtrahend, b.let(fit(left, sub(a, subtrahend))));
}

function logic(operator: (a: Expression, b: Expression) => Expression): Meaning {
  return (b, form) => {
    const [left, right] = form.operands;
    if (form.variant === "zero") {
      b.write(left, ZERO);
      b.setFlags("partial", ZERO, ZERO, ZERO);
      return;
    }
    const value = b.read(right);
    const target = b.target(left);
    const result = b.let(operator(target.value, value));
    target.write(result);
    b.setFlags("partial", ZERO, ZERO, result);
  };
}

function test(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const a = b.read(left);
  const result = form.variant === "same" ? a : b.let(and(a, b.read(right)));
  b.setFlags("partial", ZERO, ZERO, result);
}

function step(kind: "inc" | "dec"): Meaning {
  return (b, form) => {
    const [operand] = form.operands;
    const target = b.target(operand);
    const carry = b.call("getCarryBit");
    const result = b.let(
      fit(operand, kind === "inc" ? add(target.value, ONE) : sub(target.value, ONE)),
    );
    target.write(result);
    b.setFlags(kind, target.value, ONE, result, carry);
  };
}

function negate(b: Builder, form: Form): void {
  const [operand] = form.operands;
  const target = b.target(operand);
  const result = b.let(fit(operand, sub(ZERO, target.value)));
  target.write(result);
  b.setFlags("sub", ZERO, target.value, result);
}

function complement(b: Builder, form: Form): void {
  const target = b.target(form.operands[0]);
  target.write(xor(target.value, constant(-1)));
}

/** XADD: the destination's old value goes to the source register. */
function exchangeAdd(b: Builder, form: Form): void {
  const [left, right] = form.operands;
  const addend = b.read(right);
  const target = b.target(left);
  const result = b.let(fit(left, add(target.value, addend)));
  b.write(right, target.value);
  target.write(result);
  b.setFlags("add", target.value, addend, result);
}

export const ALU: Record<string, Meaning> = {
  add: addition,
  adc: addWithCarry,
  sub: subtraction,
  sbb: subtractWithBorrow,
  cmp: compare,
  and: logic(and),
  or: logic(or),
  xor: logic(xor),
  test,
  inc: step("inc"),
  dec: step("dec"),
  neg: negate,
  not: complement,
  xadd: exchangeAdd,
};
