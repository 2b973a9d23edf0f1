/** JavaScript of conditions (Intel SDM vol. 1, appendix B) from the operands of a comparison, without flags. */

import { CF, PF, ZF } from "./flags.ts";
import type { Expression, Statement } from "./ir.ts";

/** EFLAGS of an `order` of two doubles. */
export function orderText(a: string, b: string): string {
  return `${a}<${b}?${CF}:${a}>${b}?0:${a}===${b}?${ZF}:${ZF | PF | CF}`;
}

/**
 * The condition codes 2 * `pair` and, negated, 2 * `pair` + 1 straight from what set the flags; null: not
 * without the flags. `text` prints an expression of that statement.
 */
export function knownCondition(
  pair: number,
  flags: Extract<Statement, { op: "setFlags" }>,
  text: (e: Expression) => string,
): string | null {
  const { kind } = flags;
  if (kind === "explicit") return null;
  if (kind === "order") return knownOrder(pair, text(flags.a), text(flags.b));
  if (pair === 2) {
    // Only what is in a register has been computed already.
    const compared = kind === "sub" && !/^r\d$/.test(text(flags.result));
    return compared ? `${text(flags.a)}===${text(flags.b)}` : `${text(flags.result)}===0`;
  }
  if (pair === 4) return `${text(flags.result)}<0`;
  if (kind === "sub") {
    const a = text(flags.a), b = text(flags.b);
    if (pair === 1) return `(${a}>>>0)<(${b}>>>0)`;
    if (pair === 3) return `(${a}>>>0)<=(${b}>>>0)`;
    if (pair === 6) return `${a}<${b}`;
    if (pair === 7) return `${a}<=${b}`;
  }
  if (kind === "partial" && flags.a.op === "const" && flags.a.value === 0) {
    if (pair === 6) return `${text(flags.result)}<0`;
    if (pair === 7) return `${text(flags.result)}<=0`;
  }
  return null;
}

/** A condition code after an `order`. */
function knownOrder(pair: number, a: string, b: string): string {
  switch (pair) {
    case 1:
      return `!(${a}>=${b})`;
    case 2:
    case 7:
      return `!(${a}<${b}||${a}>${b})`;
    case 3:
      return `!(${a}>${b})`;
    case 5:
      return `${a}!==${a}||${b}!==${b}`;
    default:
      return "0!==0";
  }
}
