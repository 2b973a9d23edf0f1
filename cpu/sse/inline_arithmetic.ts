/**
 * Arithmetic of SSE in the IR: where JavaScript's operators give the processor's result and no flag of MXCSR
 * would change.
 *
 * The condition of a fast path:
 * - MXCSR has all exceptions masked, rounding to nearest, no DAZ and FTZ, and PE set already: PE is sticky,
 *   and a program that computes with fractions has set it soon. Until then the operation finds out whether
 *   its result is exact.
 * - Operands are zero or normal. A denormal raises DE.
 * - The result is finite. A product or quotient is also normal, or zero from an operand that is zero: a sum
 *   that is tiny is exact, but a tiny product raises UE. The least normal number may have been rounded up.
 * A NaN fails all comparisons.
 */

import type { Builder } from "../builder.ts";
import {
  doubleAt,
  type Inline,
  type InlineOperands,
  sourceDouble,
  sourceWord,
  wordAt,
} from "../inline.ts";
import {
  and,
  both,
  bound,
  constant,
  either,
  eq,
  float,
  floatUnary,
  ge,
  lt,
  select,
} from "../expression.ts";
import type { BinaryOperator, Expression, Temp } from "../ir.ts";
import { PE } from "../fpu/value.ts";
import { MEMORY_WORD } from "../operation.ts";
import { MXCSR } from "../state.ts";
import { CONTROL_BITS, CONTROL_DEFAULT } from "./lane.ts";

/** Precision of the lanes: words of each. */
type Format = 1 | 2;

type Operator = Extract<BinaryOperator, "fadd" | "fsub" | "fmul" | "fdiv">;

const magnitude = (a: Expression) => floatUnary("fabs", a);

function least(format: Format): Expression {
  return bound(format === 2 ? "LEAST64" : "LEAST32");
}

function most(format: Format): Expression {
  return bound(format === 2 ? "MOST64" : "MOST32");
}

/** MXCSR lets JavaScript's arithmetic do. */
export function isEasy(b: Builder): Expression {
  return eq(
    and(b.word(MXCSR), constant(CONTROL_BITS | PE)),
    CONTROL_DEFAULT | PE,
  );
}

/** Zero or normal (or infinite). */
export function isOrdinary(a: Expression, format: Format): Expression {
  return either(ge(magnitude(a), least(format)), eq(a, 0));
}

/** The lane `i` of a register as an f64; a float32 in memory is copied to the buffer of operations. */
function destinationLane(b: Builder, { destination }: InlineOperands, format: Format, i: number) {
  if (format === 2) return b.part("double", doubleAt(destination, i));
  return b.part("single", wordAt(destination, i));
}

export function sourceLane(
  b: Builder,
  operands: InlineOperands,
  format: Format,
  i: number,
): Temp {
  if (format === 2) return sourceDouble(b, operands, i);
  if (operands.address === null) return b.part("single", wordAt(operands.source, i));
  b.setScratch(MEMORY_WORD + i, sourceWord(b, operands, i));
  return b.part("single", constant(MEMORY_WORD + i));
}

export function setLane(
  b: Builder,
  { destination }: InlineOperands,
  format: Format,
  i: number,
  value: Expression,
): void {
  if (format === 2) b.setPart("double", doubleAt(destination, i), value);
  else b.setPart("single", wordAt(destination, i), value);
}

/** Whether the result of `operator` on ordinary `a` and `s` is what the processor gives, without a flag but PE. */
function isSafe(
  operator: Operator,
  format: Format,
  a: Expression,
  s: Expression,
  r: Temp,
): Expression {
  const finite = ge(most(format), magnitude(r));
  if (operator === "fadd" || operator === "fsub") return finite;
  const zero = operator === "fmul" ? either(eq(a, 0), eq(s, 0)) : eq(a, 0);
  return both(finite, either(lt(least(format), magnitude(r)), both(eq(r, 0), zero)));
}

/** Lanes of ADD, SUB, MUL, DIV. */
function binary(operator: Operator, format: Format, lanes: number): Inline {
  return (b, operands) => {
    const conditions = [isEasy(b)], results: Temp[] = [];
    for (let i = 0; i < lanes; i++) {
      const s = sourceLane(b, operands, format, i);
      const a = destinationLane(b, operands, format, i);
      const exact = float(operator, a, s);
      const r = b.let(format === 2 ? exact : floatUnary("fround", exact));
      results.push(r);
      conditions.push(
        isOrdinary(a, format),
        isOrdinary(s, format),
        isSafe(operator, format, a, s, r),
      );
    }
    b.if(
      both(...conditions),
      () => results.forEach((r, i) => setLane(b, operands, format, i, r)),
      operands.exact,
    );
  };
}

function squareRoot(format: Format, lanes: number): Inline {
  return (b, operands) => {
    const conditions = [isEasy(b)], sources: Temp[] = [];
    for (let i = 0; i < lanes; i++) {
      const s = sourceLane(b, operands, format, i);
      sources.push(s);
      conditions.push(
        either(both(ge(s, least(format)), ge(most(format), s)), eq(s, 0)),
      );
    }
    b.if(both(...conditions), () => {
      sources.forEach((s, i) => {
        const root = floatUnary("fsqrt", s);
        setLane(b, operands, format, i, format === 2 ? root : floatUnary("fround", root));
      });
    }, operands.exact);
  };
}

/** MIN and MAX need no MXCSR: DAZ acts on denormals, which are not ordinary. */
function extreme(greatest: boolean, format: Format, lanes: number): Inline {
  return (b, operands) => {
    const conditions: Expression[] = [], results: Expression[] = [];
    for (let i = 0; i < lanes; i++) {
      const s = sourceLane(b, operands, format, i);
      const a = destinationLane(b, operands, format, i);
      conditions.push(isOrdinary(a, format), isOrdinary(s, format));
      results.push(select(greatest ? lt(s, a) : lt(a, s), a, s));
    }
    b.if(
      both(...conditions),
      () => results.forEach((r, i) => setLane(b, operands, format, i, r)),
      operands.exact,
    );
  };
}

/** ps, pd, ss and sd of one operation. */
export interface ArithmeticInlines {
  readonly ps?: Inline;
  readonly pd: Inline;
  readonly ss: Inline;
  readonly sd: Inline;
}

// Four lanes at once are so much text that calling the operation is no worse.
function family(make: (format: Format, lanes: number) => Inline): ArithmeticInlines {
  return { ps: make(1, 4), pd: make(2, 2), ss: make(1, 1), sd: make(2, 1) };
}

export const INLINE_ARITHMETIC: Readonly<Record<string, ArithmeticInlines>> = {
  add: family((format, lanes) => binary("fadd", format, lanes)),
  sub: family((format, lanes) => binary("fsub", format, lanes)),
  mul: family((format, lanes) => binary("fmul", format, lanes)),
  div: family((format, lanes) => binary("fdiv", format, lanes)),
  sqrt: family(squareRoot),
  min: family((format, lanes) => extreme(false, format, lanes)),
  max: family((format, lanes) => extreme(true, format, lanes)),
};

/**
 * COMIS and UCOMIS. The operation leaves what it compared (DAZ makes denormals zeros) in the buffer of
 * operations, so that the flags follow from two doubles either way.
 */
export function compareToFlags(format: Format): Inline {
  return (b, operands) => {
    const s = sourceLane(b, operands, format, 0);
    const a = destinationLane(b, operands, format, 0);
    b.if(both(isOrdinary(a, format), isOrdinary(s, format)), () => {}, () => {
      operands.exact();
      b.assign(a, b.part("double", constant(MEMORY_WORD >> 1)));
      b.assign(s, b.part("double", constant((MEMORY_WORD >> 1) + 1)));
    });
    b.setFlags("order", a, s, constant(0));
  };
}
