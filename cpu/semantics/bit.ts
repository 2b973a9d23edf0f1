/** Bit tests and scans (Intel SDM vol. 1, 7.3.6.3). */

import type { Meaning } from "../builder.ts";
import type { Target } from "../statement_builder.ts";
import {
  add,
  and,
  clz,
  constant,
  eq,
  ne,
  ONE,
  or,
  sar,
  select,
  shl,
  shr,
  sub,
  xor,
  ZERO,
  zext16,
} from "../expression.ts";
import type { Expression } from "../ir.ts";
import { CS } from "../instruction.ts";
import { CF, ZF } from "../flags.ts";

type Change = (value: Expression, mask: Expression) => Expression;

/**
 * BT, BTS, BTR, BTC. With a register as bit offset and memory as base the bit can lie anywhere: the offset
 * is signed and selects a word or doubleword first.
 */
function bitTest(change: Change | null): Meaning {
  return (b, form) => {
    const [base, selector] = form.operands;
    const width = b.width(base);
    const offset = b.read(selector);
    const position = b.let(and(offset, constant(width - 1)));
    let target: Target;
    if (base.kind === "mem") {
      if (change !== null && base.segment === CS) b.protected();
      let place = b.effectiveAddress(base);
      if (selector.kind === "reg") {
        const step = width === 32 ? 5 : 4;
        place = add(place, shl(sar(offset, step), step - 3));
        if (form.addressSize === 2) place = zext16(place);
      }
      const address = b.linear(base.segment, place);
      target = change === null
        ? { value: b.load(width, address), write: () => {} }
        : b.modify(width, address);
    } else {
      target = b.target(base);
    }
    const flags = b.call("getFlags");
    const selected = and(shr(target.value, position), ONE);
    const result = b.let(or(and(flags, constant(~CF)), selected));
    if (change !== null) target.write(change(target.value, shl(ONE, position)));
    b.perform("setFlagsWord", result);
  };
}

/** BSF, BSR: of 0 the destination stays as it is. */
function bitScan(index: (value: Expression) => Expression): Meaning {
  return (b, form) => {
    const [target, source] = form.operands;
    const value = b.read(source);
    const unsigned = b.let(source.size === 2 ? and(value, constant(0xffff)) : value);
    const flags = b.call("getFlags");
    b.if(ne(unsigned, 0), () => b.write(target, index(unsigned)));
    const zero = select(eq(unsigned, 0), ZF, 0);
    b.perform("setFlagsWord", or(and(flags, constant(~ZF)), zero));
  };
}

const lowestBit = (value: Expression) => sub(31, clz(and(value, sub(ZERO, value))));
const highestBit = (value: Expression) => sub(31, clz(value));

export const BIT: Record<string, Meaning> = {
  bt: bitTest(null),
  bts: bitTest(or),
  btr: bitTest((value, mask) => and(value, xor(mask, constant(-1)))),
  btc: bitTest(xor),
  bsf: bitScan(lowestBit),
  bsr: bitScan(highestBit),
  // Without BMI1 and LZCNT (see cpuid.ts) the F3 prefix of these means nothing.
  tzcnt: bitScan(lowestBit),
  lzcnt: bitScan(highestBit),
};
