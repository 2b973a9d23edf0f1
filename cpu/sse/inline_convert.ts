/** Conversions of SSE in the IR; when a fast path is right is said in inline_arithmetic.ts. */

import { doubleAt, type Inline, sourceDouble, wordAt } from "../inline.ts";
import { both, bound, constant, either, eq, floatUnary, lt } from "../expression.ts";
import type { Temp } from "../ir.ts";
import type { Builder } from "../builder.ts";
import { isEasy, isOrdinary, sourceLane } from "./inline_arithmetic.ts";

/** CVTSI2SD: exact. */
export const doubleFromInteger: Inline = (b, { destination, source, address }) => {
  const value = address === null ? b.getRegister(32, source) : b.load(32, address);
  b.setPart("double", doubleAt(destination), floatUnary("float", value));
};

/** CVTDQ2PD from a register. */
export const doublesFromIntegers: Inline = (b, { destination, source, address, exact }) => {
  if (address !== null) return exact(true);
  const low = b.part("word", source), high = b.part("word", wordAt(source, 1));
  b.setPart("double", doubleAt(destination), floatUnary("float", low));
  b.setPart("double", doubleAt(destination, 1), floatUnary("float", high));
};

/** CVTSI2SS: rounds. */
export const singleFromInteger: Inline = (b, { destination, source, address, exact }) => {
  const value = address === null ? b.getRegister(32, source) : b.load(32, address);
  b.if(isEasy(b), () => {
    b.setPart("single", destination, floatUnary("fround", floatUnary("float", value)));
  }, exact);
};

/** CVTTSD2SI and CVTTSS2SI: an integral value in range is exact, another one needs PE to be set. */
function truncate(read: (b: Builder, operands: Parameters<Inline>[1]) => Temp): Inline {
  return (b, operands) => {
    const x = read(b, operands);
    const whole = b.let(floatUnary("truncate", x));
    const fits = lt(floatUnary("fabs", x), constant(0x7fffffff));
    b.if(
      either(eq(whole, x), both(fits, isEasy(b))),
      () => b.putRegister(32, operands.destination, whole),
      operands.exact,
    );
  };
}

export const truncateDouble: Inline = truncate((b, operands) => sourceDouble(b, operands));
export const truncateSingle: Inline = truncate((b, operands) => sourceLane(b, operands, 1, 0));

/** CVTSS2SD: exact, unless the operand is a denormal, a NaN or infinite. */
export const doubleFromSingle: Inline = (b, operands) => {
  const x = sourceLane(b, operands, 1, 0);
  b.if(
    isOrdinary(x, 1),
    () => b.setPart("double", doubleAt(operands.destination), x),
    operands.exact,
  );
};

/** CVTPS2PD from a register. */
export const doublesFromSingles: Inline = (b, operands) => {
  const { destination, source, address, exact } = operands;
  if (address !== null) return exact(true);
  const low = b.part("single", source), high = b.part("single", wordAt(source, 1));
  b.if(both(isOrdinary(low, 1), isOrdinary(high, 1)), () => {
    b.setPart("double", doubleAt(destination), low);
    b.setPart("double", doubleAt(destination, 1), high);
  }, exact);
};

/** Rounds to a normal float32, or is zero. */
function isNormalSingle(x: Temp) {
  const magnitude = floatUnary("fabs", x);
  return either(
    both(lt(bound("LEAST32"), magnitude), lt(magnitude, bound("MOST32"))),
    eq(x, 0),
  );
}

/** CVTSD2SS. */
export const singleFromDouble: Inline = (b, operands) => {
  const x = sourceDouble(b, operands);
  b.if(
    both(isEasy(b), isNormalSingle(x)),
    () => b.setPart("single", operands.destination, floatUnary("fround", x)),
    operands.exact,
  );
};

/** CVTPD2PS from a register. */
export const singlesFromDoubles: Inline = (b, operands) => {
  const { destination, source, address, exact } = operands;
  if (address !== null) return exact(true);
  const low = b.part("double", doubleAt(source)), high = b.part("double", doubleAt(source, 1));
  b.if(both(isEasy(b), isNormalSingle(low), isNormalSingle(high)), () => {
    b.setPart("single", destination, floatUnary("fround", low));
    b.setPart("single", wordAt(destination, 1), floatUnary("fround", high));
    b.setPart("double", doubleAt(destination, 1), constant(0));
  }, exact);
};
