/**
 * Makers of expressions (ir.ts). They fold constants, so that a program over constant operands comes out
 * small.
 */

import type { Expression, FloatBound, Relation, Type, UnaryOperator, Width } from "./ir.ts";

export function constant(value: number): Expression {
  return { op: "const", value };
}

export const ZERO = constant(0);
export const ONE = constant(1);

function lift(value: Expression | number): Expression {
  return typeof value === "number" ? constant(value) : value;
}

/**
 * Division of two i32, signed or unsigned, towards 0. The divisor is not 0, and the quotient fits.
 */
function division(operator: "divs" | "divu") {
  return (a: Expression, b: Expression): Expression => ({ op: "binary", operator, a, b });
}

export const divs = division("divs");
export const divu = division("divu");

type Arithmetic = "add" | "sub" | "mul" | "and" | "or" | "xor" | "shl" | "shr" | "sar";

const FOLD: Record<Arithmetic, (a: number, b: number) => number> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  mul: Math.imul,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => (a >>> b) | 0,
  sar: (a, b) => a >> b,
};

function arithmetic(operator: Arithmetic) {
  return (left: Expression | number, right: Expression | number): Expression => {
    const a = lift(left), b = lift(right);
    if (a.op === "const" && b.op === "const") return constant(FOLD[operator](a.value, b.value));
    if (b.op === "const" && b.value === 0 && operator !== "and" && operator !== "mul") return a;
    if (a.op === "const" && a.value === 0 && (operator === "add" || operator === "or")) return b;
    return { op: "binary", operator, a, b };
  };
}

/** 32-bit arithmetic. The shifts take a count of 0..31. */
export const add = arithmetic("add");
export const sub = arithmetic("sub");
export const mul = arithmetic("mul");
export const and = arithmetic("and");
export const or = arithmetic("or");
export const xor = arithmetic("xor");
export const shl = arithmetic("shl");
export const shr = arithmetic("shr");
export const sar = arithmetic("sar");

export function float(
  operator: "fadd" | "fsub" | "fmul" | "fdiv",
  a: Expression,
  b: Expression,
): Expression {
  return { op: "binary", operator, a, b };
}

function unary(operator: UnaryOperator, fold: (value: number) => number) {
  return (a: Expression): Expression =>
    a.op === "const" ? constant(fold(a.value)) : { op: "unary", operator, a };
}

export const sext8 = unary("sext8", (value) => value << 24 >> 24);
export const sext16 = unary("sext16", (value) => value << 16 >> 16);
export const zext8 = unary("zext8", (value) => value & 0xff);
export const zext16 = unary("zext16", (value) => value & 0xffff);
/** Number of leading zeros, 0..32. */
export const clz = unary("clz", Math.clz32);

export function sext(width: Width, a: Expression): Expression {
  return width === 8 ? sext8(a) : width === 16 ? sext16(a) : a;
}

export function zext(width: Width, a: Expression): Expression {
  return width === 8 ? zext8(a) : width === 16 ? zext16(a) : a;
}

function comparison(relation: Relation) {
  return (a: Expression | number, b: Expression | number): Expression => ({
    op: "compare",
    relation,
    a: lift(a),
    b: lift(b),
  });
}

export const eq = comparison("eq");
export const ne = comparison("ne");
export const lt = comparison("lt");
export const ge = comparison("ge");
export const ltu = comparison("ltu");
export const geu = comparison("geu");

export function not(a: Expression): Expression {
  return { op: "not", a };
}

export function select(
  condition: Expression,
  a: Expression | number,
  b: Expression | number,
): Expression {
  return { op: "select", condition, a: lift(a), b: lift(b) };
}

export function both(...conditions: Expression[]): Expression {
  return conditions.reduce((a, b) => ({ op: "both", a, b }));
}

export function either(...conditions: Expression[]): Expression {
  return conditions.reduce((a, b) => ({ op: "either", a, b }));
}

export function bound(name: FloatBound): Expression {
  return { op: "bound", bound: name };
}

/** Of doubles, except `float`, which takes an i32. */
export function floatUnary(
  operator: "fabs" | "fsqrt" | "fround" | "float" | "truncate",
  a: Expression,
): Expression {
  return { op: "unary", operator, a };
}

/** 1 for true, 0 for false. */
export function bit(condition: Expression): Expression {
  return select(condition, 1, 0);
}

export function typeOf(expression: Expression): Type {
  switch (expression.op) {
    case "temp":
      return expression.type;
    case "compare":
    case "not":
    case "both":
    case "either":
      return "bool";
    case "bound":
      return "f64";
    case "unary":
    case "binary":
      return expression.operator.startsWith("f") ? "f64" : "i32";
    case "select":
      return typeOf(expression.a);
    default:
      return "i32";
  }
}
