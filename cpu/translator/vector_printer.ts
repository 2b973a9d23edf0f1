/**
 * Keeps what a region reads of XMM registers as doubles in locals.
 *
 * Arithmetic that goes through memory waits for its own stores. So each half of an XMM register has a local
 * d50..d65 (its index in D) that always has the value of D: it is written with D, and read again where an
 * operation or a write of words or singles has changed D. Only reading saves anything, and no way out of the
 * region has to store.
 *
 * A local can hold a NaN of which the bits are lost; cpu/inline.ts says why that does no harm.
 */

import type { Expression, Statement } from "../ir.ts";
import { XMM_WORD } from "../operation.ts";
import { numberOf } from "./temporaries.ts";
import { MemoryPrinter } from "./memory_printer.ts";

const FIRST = XMM_WORD >> 1, COUNT = 16;

export abstract class VectorPrinter extends MemoryPrinter {
  private readonly halves = new Set<number>();
  /** Halves that have changed in D since their locals were written. */
  private stale = new Set<number>();

  protected vectorDefinitions(): string {
    return [...this.halves].map((half) => `,d${half}=D[${half}]`).join("");
  }

  /** The local of double `index` of the state, or null. */
  private localOf(index: Expression): string | null {
    const half = numberOf(index);
    if (half < FIRST || half >= FIRST + COUNT) return null;
    this.use("D");
    this.halves.add(half);
    return `d${half}`;
  }

  protected override statement(s: Statement): void {
    if (s.op === "getPart" && s.view === "double") {
      const local = this.localOf(s.index);
      if (local !== null) return this.define(s.temp, local);
    } else if (s.op === "setPart" && s.view === "double") {
      const local = this.localOf(s.index);
      if (local !== null) {
        this.lines.push(`D[${local.slice(1)}]=${local}=${this.expression(s.value)};`);
        return;
      }
    }
    super.statement(s);
    if (s.op === "setPart" && s.view !== "double") this.changed(numberOf(s.index), 1);
    else if (s.op === "operation") {
      if (this.instruction.binding?.image) this.changed(XMM_WORD, 2 * COUNT);
      else this.changed(numberOf(s.values[0]), 4);
    }
  }

  /** Words of the state have been written. */
  private changed(word: number, count: number): void {
    for (let half = word >> 1; half <= word + count - 1 >> 1; half++) {
      if (half >= FIRST && half < FIRST + COUNT) this.stale.add(half);
    }
  }

  protected override block(statements: readonly Statement[]): void {
    const outer = this.stale;
    this.stale = new Set();
    super.block(statements);
    const changed = [...this.stale];
    this.stale = outer;
    if (changed.length === 0) return;
    this.lines.push(
      changed.map((half) => `${this.localOf({ op: "const", value: half })}=D[${half}];`).join(""),
    );
  }
}
