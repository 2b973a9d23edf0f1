/** MUL, IMUL, DIV, IDIV (Intel SDM vol. 1, 7.3.2.3). */

import { type Builder, fit, type Meaning } from "../builder.ts";
import {
  and,
  bit,
  constant,
  type Expression,
  mul,
  ne,
  sar,
  sext,
  shl,
  shr,
  type Width,
  ZERO,
  zext,
} from "../ir.ts";
import type { Form } from "../shape.ts";
import { EAX, EDX } from "../state.ts";
import { CF, OF } from "../flags.ts";

/** CF and OF say whether the product needs its upper half; SF and PF follow the lower half. */
function productFlags(b: Builder, overflow: Expression, low: Expression): void {
  const flags = b.let(and(allOnes(overflow), constant(CF | OF)));
  b.setFlags("partial", flags, ZERO, low);
}

function allOnes(condition: Expression): Expression {
  return sar(shl(bit(condition), 31), 31);
}

/** MUL and one-operand IMUL: AX = AL * src, DX:AX = AX * src, EDX:EAX = EAX * src. */
function multiplyWide(signed: boolean): Meaning {
  return (b, form) => {
    const [operand] = form.operands;
    const width = b.width(operand);
    const source = b.read(operand);
    const accumulator = b.register(EAX, width);
    if (width === 32) {
      const low = b.let(mul(accumulator, source));
      const high = b.call(
        signed ? "multiplyHighSigned" : "multiplyHighUnsigned",
        accumulator,
        source,
      );
      b.setRegister(EAX, low);
      b.setRegister(EDX, high);
      productFlags(b, ne(high, signed ? sar(low, 31) : ZERO), low);
      return;
    }
    const extend = (value: Expression) => signed ? value : zext(width, value);
    const product = b.let(mul(extend(accumulator), extend(source)));
    const low = b.let(sext(width, product));
    if (width === 8) {
      b.setRegister(EAX, product, 16);
    } else {
      b.setRegister(EAX, low, 16);
      b.setRegister(EDX, sar(product, 16), 16);
    }
    const overflow = signed ? ne(product, low) : ne(shr(product, width), ZERO);
    productFlags(b, overflow, low);
  };
}

const multiplySigned = multiplyWide(true);

/** IMUL with one, two or three operands. */
function integerMultiply(b: Builder, form: Form): void {
  if (form.operands.length === 1) return multiplySigned(b, form);
  const [target] = form.operands;
  const [left, right] = form.operands.slice(-2);
  const a = b.read(left), c = b.read(right);
  const product = b.let(mul(a, c));
  const low = b.let(fit(target, product));
  b.write(target, low);
  const overflow = target.size === 2
    ? ne(product, low)
    : ne(b.call("multiplyHighSigned", a, c), sar(low, 31));
  productFlags(b, overflow, low);
}

/** The flags are undefined after a division; they stay as they are. */
function divide(helper: "divideSigned" | "divideUnsigned"): Meaning {
  return (b, form) => {
    const [operand] = form.operands;
    const width: Width = b.width(operand);
    b.perform(helper, constant(width), b.read(operand));
  };
}

export const MULTIPLY: Record<string, Meaning> = {
  mul: multiplyWide(false),
  imul: integerMultiply,
  div: divide("divideUnsigned"),
  idiv: divide("divideSigned"),
};
