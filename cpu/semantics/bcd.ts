/** Decimal arithmetic in AL and AX, after the algorithms in Intel SDM vol. 2 (AAA, AAD, AAM, AAS, DAA, DAS). */

import type { Builder, Meaning } from "../builder.ts";
import {
  add,
  and,
  bit,
  constant,
  geu,
  mul,
  ne,
  or,
  select,
  sext8,
  shl,
  shr,
  sub,
  ZERO,
  zext8,
} from "../expression.ts";
import type { Expression } from "../ir.ts";
import type { Form } from "../shape.ts";
import { EAX } from "../state.ts";
import { AF, CF } from "../flags.ts";
import { X86_DE } from "../engine.ts";

/** DAA and DAS: AL is adjusted by 6 and by 60. */
function decimalAdjust(operator: (a: Expression, b: Expression) => Expression): Meaning {
  return (b) => {
    const al = b.let(zext8(b.register(EAX, 8)));
    const flags = b.call("getFlags");
    const low = b.let(or(
      bit(geu(and(al, constant(15)), 10)),
      bit(ne(and(flags, constant(AF)), 0)),
    ));
    const high = b.let(or(bit(geu(al, 0x9a)), and(flags, constant(CF))));
    const adjusted = operator(al, select(ne(low, 0), 6, 0));
    let result = operator(adjusted, select(ne(high, 0), 0x60, 0));
    result = b.let(sext8(result));
    // DAS: the borrow of the low adjustment counts too.
    const carry = operator === sub
      ? or(high, and(low, shr(sub(al, 6), 31)))
      : or(high, and(low, shr(add(al, 6), 8)));
    b.setRegister(EAX, result, 8);
    b.setFlags("partial", or(and(carry, constant(CF)), shl(low, 4)), ZERO, result);
  };
}

/** AAA and AAS: AL to a digit, AH takes the carry. */
function asciiAdjust(operator: (a: Expression, b: Expression) => Expression): Meaning {
  return (b) => {
    const ax = b.register(EAX, 16);
    const flags = b.call("getFlags");
    const adjust = b.let(or(
      bit(geu(and(ax, constant(15)), 10)),
      bit(ne(and(flags, constant(AF)), 0)),
    ));
    const result = b.let(select(ne(adjust, 0), operator(ax, constant(0x106)), ax));
    b.setRegister(EAX, and(result, constant(0xff0f)), 16);
    // OF, SF, ZF and PF are undefined: as of the resulting AL.
    const bits = or(adjust, shl(adjust, 4));
    b.setFlags("partial", bits, ZERO, b.let(and(result, constant(15))));
  };
}

/** AAM: AH = AL / base, AL = AL mod base. */
function adjustAfterMultiply(b: Builder, form: Form): void {
  if (form.variant === "zero") return b.fault(X86_DE);
  const base = zext8(b.read(form.operands[0]));
  const packed = b.let(b.call("divideBytes", zext8(b.register(EAX, 8)), base));
  b.setRegister(EAX, packed, 16);
  b.setFlags("partial", ZERO, ZERO, b.let(sext8(packed)));
}

/** AAD: AL = AL + AH * base, AH = 0. */
function adjustBeforeDivide(b: Builder, form: Form): void {
  const base = zext8(b.read(form.operands[0]));
  const ax = b.register(EAX, 16);
  const sum = add(zext8(ax), mul(zext8(shr(ax, 8)), base));
  const result = b.let(zext8(sum));
  b.setRegister(EAX, result, 16);
  b.setFlags("partial", ZERO, ZERO, b.let(sext8(result)));
}

export const BCD: Record<string, Meaning> = {
  daa: decimalAdjust(add),
  das: decimalAdjust(sub),
  aaa: asciiAdjust(add),
  aas: asciiAdjust(sub),
  aam: adjustAfterMultiply,
  aad: adjustBeforeDivide,
};
