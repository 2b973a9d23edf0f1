/** Prints expressions of the IR as JavaScript: an i32 as an int32, a bool as a condition, an f64 as a double. */

import type { Expression, Relation } from "./ir.ts";

const RELATIONS: Record<Relation, string> = {
  eq: "===",
  ne: "!==",
  lt: "<",
  ge: ">=",
  ltu: "<",
  geu: ">=",
};
/** The base of all printers; where numbers of operands stand is explained in printer.ts. */
export class ExpressionPrinter {
  /** The free names of what was printed. */
  protected readonly names = new Set<string>();
  /** Added to slots and temporaries of the second of a pair. */
  protected slotBase = 0;
  protected prefix = "t";

  protected use(name: string): string {
    this.names.add(name);
    return name;
  }

  protected expression(e: Expression, prefix = this.prefix): string {
    switch (e.op) {
      case "const":
        return e.value < 0 ? `(${e.value})` : String(e.value);
      case "slot":
        return `${this.use("O")}[p+${e.slot + this.slotBase}]`;
      case "temp":
        return prefix + e.id;
      case "unary":
        return this.unary(e, prefix);
      case "binary":
        return this.binary(e, prefix);
      case "compare": {
        const a = this.expression(e.a, prefix), b = this.expression(e.b, prefix);
        const unsigned = e.relation === "ltu" || e.relation === "geu";
        return unsigned
          ? `((${a}>>>0)${RELATIONS[e.relation]}(${b}>>>0))`
          : `(${a}${RELATIONS[e.relation]}${b})`;
      }
      case "both":
        return `(${this.expression(e.a, prefix)}&&${this.expression(e.b, prefix)})`;
      case "either":
        return `(${this.expression(e.a, prefix)}||${this.expression(e.b, prefix)})`;
      case "bound":
        return this.use(e.bound);
      case "not":
        return `!${this.expression(e.a, prefix)}`;
      case "select":
        return `(${this.expression(e.condition, prefix)}?${this.expression(e.a, prefix)}:${
          this.expression(e.b, prefix)
        })`;
    }
  }

  protected unary(e: Extract<Expression, { op: "unary" }>, prefix: string): string {
    const a = this.expression(e.a, prefix);
    switch (e.operator) {
      case "sext8":
        return `(${a}<<24>>24)`;
      case "sext16":
        return `(${a}<<16>>16)`;
      case "zext8":
        return `(${a}&255)`;
      case "zext16":
        return `(${a}&65535)`;
      case "clz":
        return `${this.use("clz32")}(${a})`;
      case "fabs":
        return `${this.use("abs")}(${a})`;
      case "fsqrt":
        return `${this.use("sqrt")}(${a})`;
      case "fround":
        return `${this.use("fround")}(${a})`;
      case "float":
        return a;
      case "truncate":
        return `(${a}|0)`;
    }
  }

  protected binary(e: Extract<Expression, { op: "binary" }>, prefix: string): string {
    const a = this.expression(e.a, prefix), b = this.expression(e.b, prefix);
    switch (e.operator) {
      case "add":
        return `(${a}+${b}|0)`;
      case "sub":
        return `(${a}-${b}|0)`;
      case "mul":
        return `${this.use("imul")}(${a},${b})`;
      case "and":
        return `(${a}&${b})`;
      case "or":
        return `(${a}|${b})`;
      case "xor":
        return `(${a}^${b})`;
      case "shl":
        return `(${a}<<${b})`;
      case "shr":
        return `(${a}>>>${b}|0)`;
      case "sar":
        return `(${a}>>${b})`;
      case "divs":
        return `(${a}/${b}|0)`;
      case "divu":
        return `((${a}>>>0)/(${b}>>>0)|0)`;
      case "fadd":
        return `(${a}+${b})`;
      case "fsub":
        return `(${a}-${b})`;
      case "fmul":
        return `(${a}*${b})`;
      case "fdiv":
        return `(${a}/${b})`;
    }
  }
}
