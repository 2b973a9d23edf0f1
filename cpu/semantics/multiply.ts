/** MUL, IMUL, DIV, IDIV (Intel SDM vol. 1, 7.3.2.3). */

import { type Builder, fit, type Meaning } from "../builder.ts";
import {
  add,
  and,
  bit,
  both,
  constant,
  divs,
  divu,
  eq,
  float,
  floatUnary,
  ltu,
  mul,
  ne,
  sar,
  sext,
  shl,
  shr,
  sub,
  ZERO,
  zext,
} from "../expression.ts";
import type { Expression, Width } from "../ir.ts";
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
    // A product that does not fit into 32 bits is another double, exact or not.
    : ne(float("fmul", floatUnary("float", a), floatUnary("float", c)), floatUnary("float", low));
  productFlags(b, overflow, low);
}

/** The flags are undefined after a division; they stay as they are. */
function divide(signed: boolean): Meaning {
  return (b, form) => {
    const [operand] = form.operands;
    const width: Width = b.width(operand);
    const divisor = b.read(operand);
    const any = () => {
      b.perform(signed ? "divideSigned" : "divideUnsigned", constant(width), divisor);
    };
    if (width !== 32) return any();
    // Nearly every dividend is a 32-bit number that was extended to 64 bits.
    const high = b.register(EDX), low = b.register(EAX);
    const simple = signed
      ? both(eq(high, sar(low, 31)), ltu(1, add(divisor, 1))) // neither 0 nor -1
      : both(eq(high, 0), ne(divisor, 0));
    b.if(simple, () => {
      const quotient = b.let(signed ? divs(low, divisor) : divu(low, divisor));
      b.setRegister(EAX, quotient);
      b.setRegister(EDX, sub(low, mul(quotient, divisor)));
    }, any);
  };
}

export const MULTIPLY: Record<string, Meaning> = {
  mul: multiplyWide(false),
  imul: integerMultiply,
  div: divide(false),
  idiv: divide(true),
};
