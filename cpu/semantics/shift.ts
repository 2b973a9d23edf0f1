/**
 * Shifts and rotates (Intel SDM vol. 1, 7.3.6).
 *
 * The count is taken modulo 32, and a count of 0 changes nothing, not even a flag. An immediate count's
 * class (0, 1, within the operand, beyond it) is the form's variant, a count in CL is tested here.
 */

import type { Builder, Meaning } from "../builder.ts";
import type { Target } from "../statement_builder.ts";
import {
  and,
  bit,
  constant,
  eq,
  ge,
  mul,
  ne,
  ONE,
  or,
  sar,
  select,
  sext,
  shl,
  shr,
  sub,
  xor,
  ZERO,
  zext,
  zext16,
} from "../expression.ts";
import type { Expression, Temp, Width } from "../ir.ts";
import type { Form, FormOperand } from "../shape.ts";
import { CF, OF } from "../flags.ts";

/** What a shift gives. */
interface Shifted {
  /** For a count of 0..31; of 0 it is the operand as it was. RCL and RCR: for 1..31. */
  readonly result: Expression;
  /** Each 0 or 1, for a count of 1..31. Asked for once. */
  flags(): { readonly carry: Expression; readonly overflow: Expression };
}

type Shift = (b: Builder, width: Width, value: Expression, count: Expression) => Shifted;

const low = (value: Expression): Expression => and(value, ONE);
/** The sign of a sign-extended value, as 0 or 1. */
const sign = (value: Expression): Expression => shr(value, 31);

const shiftLeft: Shift = (b, width, value, count) => {
  const result = b.let(sext(width, shl(value, count)));
  const out = () =>
    width === 32 ? low(shr(value, sub(32, count))) : low(shr(shl(value, count), width));
  return { result, flags: () => signChanges(result, b.let(out())) };
};

const shiftRight: Shift = (b, width, value, count) => {
  const unsigned = b.let(zext(width, value));
  const flags = () => {
    const last = b.let(shr(unsigned, sub(count, 1)));
    return { carry: low(last), overflow: low(shr(last, width - 1)) };
  };
  return { result: b.let(sext(width, shr(unsigned, count))), flags };
};

const shiftArithmetic: Shift = (b, _width, value, count) => ({
  result: b.let(sar(value, count)),
  flags: () => ({ carry: low(sar(value, sub(count, 1))), overflow: ZERO }),
});

/** The flags of a shift to the left: OF says that the sign is another one than the bit that went out. */
function signChanges(result: Expression, carry: Expression) {
  return { carry, overflow: xor(sign(result), carry) };
}

/** A word of `width` bits with what `ahead` pushes out at one end put in by `back` at the other. */
function rotate(
  b: Builder,
  width: Width,
  value: Expression,
  count: Expression,
  [ahead, back]: [typeof shl, typeof shl],
): Temp {
  if (width === 32) return b.let(or(ahead(value, count), back(value, sub(32, count))));
  const within = b.let(and(count, constant(width - 1)));
  const unsigned = b.let(zext(width, value));
  return b.let(sext(width, or(ahead(unsigned, within), back(unsigned, sub(width, within)))));
}

const rotateLeft: Shift = (b, width, value, count) => {
  const result = rotate(b, width, value, count, [shl, shr]);
  return { result, flags: () => signChanges(result, b.let(low(result))) };
};

const rotateRight: Shift = (b, width, value, count) => {
  const result = rotate(b, width, value, count, [shr, shl]);
  return { result, flags: () => ({ carry: sign(result), overflow: topBitsDiffer(result, width) }) };
};

function topBitsDiffer(result: Expression, width: Width): Expression {
  return low(xor(shr(result, width - 1), shr(result, width - 2)));
}

const rotateLeftThroughCarry: Shift = (b, width, value, count) => {
  const unsigned = b.let(zext(width, value));
  const carryIn = b.call("getCarryBit");
  const out = b.let(shr(unsigned, sub(width, count)));
  const result = b.let(sext(
    width,
    or(or(shl(unsigned, count), shl(carryIn, sub(count, 1))), shr(out, 1)),
  ));
  return { result, flags: () => signChanges(result, b.let(low(out))) };
};

const rotateRightThroughCarry: Shift = (b, width, value, count) => {
  const unsigned = b.let(zext(width, value));
  const carryIn = b.call("getCarryBit");
  const room = b.let(sub(width, count));
  const last = b.let(shr(unsigned, sub(count, 1)));
  const result = b.let(sext(
    width,
    or(or(shr(last, 1), shl(carryIn, room)), shl(shl(unsigned, room), 1)),
  ));
  return { result, flags: () => ({ carry: low(last), overflow: topBitsDiffer(result, width) }) };
};

function flagBits(shifted: Shifted): Expression {
  const { carry, overflow } = shifted.flags();
  return or(carry, shl(overflow, 11));
}

/** Shifts set all flags, rotates only CF and OF. */
function finish(b: Builder, target: Target, shifted: Shifted, rotate: boolean): void {
  if (rotate) {
    const bits = b.let(flagBits(shifted));
    const others = and(b.call("getFlags"), constant(~(CF | OF)));
    target.write(shifted.result);
    b.perform("setFlagsWord", or(others, bits));
  } else {
    const bits = b.let(flagBits(shifted));
    target.write(shifted.result);
    b.setFlags("partial", bits, ZERO, shifted.result);
  }
}

/** As `finish`, of a register by a count in CL, which may be 0: only the flags depend on that. */
function finishRegister(
  b: Builder,
  target: Target,
  shifted: Shifted,
  count: Expression,
  rotate: boolean,
): void {
  target.write(shifted.result);
  if (rotate) {
    const flags = b.call("getFlags");
    const changed = or(and(flags, constant(~(CF | OF))), b.let(flagBits(shifted)));
    b.perform("setFlagsWord", select(eq(count, 0), flags, changed));
  } else {
    b.if(
      ne(count, 0),
      () => b.setFlags("partial", b.let(flagBits(shifted)), ZERO, shifted.result),
    );
  }
}

/** Whether `finishRegister` is for these operands. */
function byRegister(operand: FormOperand, count: FormOperand, form: Form): boolean {
  return operand.kind === "reg" && count.kind !== "imm" && form.variant === "";
}

/** Runs `body` with a count of 1..31. */
function withCount(
  b: Builder,
  form: Form,
  operand: FormOperand,
  body: (count: Expression) => void,
): void {
  if (form.variant === "zero") return;
  if (form.variant === "one") return body(ONE);
  const count = b.let(and(b.read(operand), constant(31)));
  if (operand.kind === "imm") body(count);
  else b.if(ne(count, 0), () => body(count));
}

function shift(operator: Shift, rotate: boolean): Meaning {
  return (b, form) => {
    const [operand, count] = form.operands;
    const target = b.target(operand);
    if (byRegister(operand, count, form)) {
      const by = b.let(and(b.read(count), constant(31)));
      const shifted = operator(b, b.width(operand), target.value, by);
      return finishRegister(b, target, shifted, by, rotate);
    }
    withCount(b, form, count, (by) => {
      finish(b, target, operator(b, b.width(operand), target.value, by), rotate);
    });
  };
}

/** RCL and RCR rotate width + 1 bits: the count is taken modulo that, and may become 0. */
function shiftThroughCarry(operator: Shift): Meaning {
  return (b, form) => {
    const [operand, count] = form.operands;
    const width = b.width(operand);
    const target = b.target(operand);
    withCount(b, form, count, (by) => {
      if (width === 32 || form.variant === "one") {
        return finish(b, target, operator(b, width, target.value, by), true);
      }
      // Modulo 9 by multiplication: exact for 0..31.
      const reduced = b.let(
        width === 8 ? sub(by, mul(shr(mul(by, 57), 9), 9)) : select(ge(by, 17), sub(by, 17), by),
      );
      b.if(
        ne(reduced, 0),
        () => finish(b, target, operator(b, width, target.value, reduced), true),
      );
    });
  };
}

/** SHLD and SHRD. With 16-bit operands and a count above 16 the result is undefined: d:s rotates on. */
function doubleShift(left: boolean): Meaning {
  return (b, form) => {
    const [operand, filler, count] = form.operands;
    const source = b.read(filler);
    const target = b.target(operand);
    if (byRegister(operand, count, form) && operand.size === 4) {
      const by = b.let(and(b.read(count), constant(31)));
      const shifted = doubleShift32(b, left, target.value, source, by);
      return finishRegister(b, target, shifted, by, false);
    }
    withCount(b, form, count, (by) => {
      const shifted = operand.size === 4
        ? doubleShift32(b, left, target.value, source, by)
        : doubleShift16(b, left, target.value, source, by);
      finish(b, target, shifted, false);
    });
  };
}

function doubleShift32(
  b: Builder,
  left: boolean,
  value: Expression,
  source: Expression,
  count: Expression,
): Shifted {
  // In two steps, because a shift by 32 is none.
  const back = sub(31, count);
  if (left) {
    const result = b.let(or(shl(value, count), shr(shr(source, 1), back)));
    return { result, flags: () => signChanges(result, b.let(low(shr(value, sub(32, count))))) };
  }
  const result = b.let(or(shr(value, count), shl(shl(source, 1), back)));
  return {
    result,
    flags: () => ({ carry: low(shr(value, sub(count, 1))), overflow: topBitsDiffer(result, 32) }),
  };
}

function doubleShift16(
  b: Builder,
  left: boolean,
  value: Expression,
  source: Expression,
  count: Expression,
): Shifted {
  const [high, lower] = left ? [value, source] : [source, value];
  const both = b.let(or(shl(high, 16), zext16(lower)));
  const swapped = or(shl(both, 16), shr(both, 16));
  const beyond = b.let(bit(ge(count, 17)));
  const operand = b.let(select(ne(beyond, 0), swapped, both));
  // One step less than the whole, so that the last bit shifted out is still there.
  const steps = sub(sub(count, shl(beyond, 4)), 1);
  if (left) {
    const last = b.let(shl(operand, steps));
    const result = b.let(sar(shl(last, 1), 16));
    return { result, flags: () => signChanges(result, b.let(sign(last))) };
  }
  const last = b.let(shr(operand, steps));
  const result = b.let(sext(16, shr(last, 1)));
  return { result, flags: () => ({ carry: low(last), overflow: topBitsDiffer(result, 16) }) };
}

export const SHIFT: Record<string, Meaning> = {
  shl: shift(shiftLeft, false),
  shr: shift(shiftRight, false),
  sar: shift(shiftArithmetic, false),
  rol: shift(rotateLeft, true),
  ror: shift(rotateRight, true),
  rcl: shiftThroughCarry(rotateLeftThroughCarry),
  rcr: shiftThroughCarry(rotateRightThroughCarry),
  shld: doubleShift(true),
  shrd: doubleShift(false),
};
