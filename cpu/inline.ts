/**
 * x87, MMX and SSE instructions whose frequent cases are written in the IR instead of called.
 *
 * An `Inline` writes the instruction for the operands that programs mostly have, under a condition that it
 * tests, and leaves all else to the `Operation` of the same form (cpu/operation.ts), which is exact for every
 * operand: `exact` writes that call. So a fast path has to be right only where its condition holds.
 *
 * Rules for inlines:
 * - As for every meaning (cpu/builder.ts), nothing is changed before the last access that can fault. `exact`
 *   comes before any change, and behind it the instruction is complete.
 * - An f64 that may be a NaN is compared and nothing else: it would lose its bits.
 */

import type { Builder } from "./builder.ts";
import { add, constant, sar } from "./expression.ts";
import type { Expression, Temp } from "./ir.ts";

export interface InlineOperands {
  /** As the three numbers of an operation: indices of words in the state, st(i), general registers. */
  readonly destination: Expression;
  readonly source: Expression;
  readonly immediate: Expression;
  /** The linear address of the memory operand, aligned as it must be; it has not been accessed. */
  readonly address: Temp | null;
  /** Both operands are the same register. */
  readonly same: boolean;
  /** Runs the operation instead. `unread`: the source is in memory that has not been read yet. */
  exact(unread?: boolean): void;
}

export type Inline = (b: Builder, operands: InlineOperands) => void;

/** The index of word `i` of the register at `index`. */
export function wordAt(index: Expression, i: number): Expression {
  return add(index, constant(i));
}

/** The index of double `i` of the register whose first word is `index`. */
export function doubleAt(index: Expression, i = 0): Expression {
  return add(sar(index, constant(1)), constant(i));
}

/** Double `i` of the source, from memory or register. */
export function sourceDouble(b: Builder, { address, source }: InlineOperands, i = 0): Temp {
  if (address === null) return b.part("double", doubleAt(source, i));
  return b.load(64, add(address, constant(8 * i)));
}

/** Word `i` of the source. */
export function sourceWord(b: Builder, { address, source }: InlineOperands, i = 0): Temp {
  if (address === null) return b.part("word", wordAt(source, i));
  return b.load(32, add(address, constant(4 * i)));
}
