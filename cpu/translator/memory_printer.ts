/**
 * Prints memory accesses of a region.
 *
 * An aligned access to a page that is in the VM's table is printed out; everything else is a call of
 * cpu/guest_memory.ts. A slow access can have changed what this code was made from. It then leaves before
 * the instruction has changed anything, and the evaluator runs that instruction.
 *
 * The inline TLB: for each base register a local holds the page of its last access (p, or w for writes) and
 * another one what to add to get from an address to the pool (q, v), so that most accesses look at no table:
 *
 *     if((a&-4093)===p3)t=M32[a+q3>>2];
 *
 * The mask keeps the low bits of the address, so that the same comparison finds unaligned ones; a page number
 * of -1 equals nothing. While a region runs no page moves without making it leave (guest_memory.ts, `miss`),
 * so that nothing here ever has to be forgotten. It pays in loops and on the stack.
 */

import { PAGE_MASK } from "../engine.ts";
import type { Expression, MemoryWidth, Statement } from "../ir.ts";
import { ALIGNED, INDEX_SHIFT } from "../printer.ts";
import { ESP } from "../state.ts";
import { InstructionPrinter } from "./instruction_printer.ts";

type Access = Extract<Statement, { op: "load" | "store" | "reserve" }>;

/** The class of addresses without a base register. */
const ABSOLUTE = 8;

export abstract class MemoryPrinter extends InstructionPrinter {
  /** The instruction stands in a loop. */
  protected inLoop = false;
  private readonly tags = new Set<string>();

  /** Definitions of the locals that the accesses use. */
  protected tagDefinitions(): string {
    return [...this.tags].map((tag) => `,${tag}=-1,${offsetOf(tag)}=0`).join("");
  }

  protected override memory(
    s: Access | Extract<Statement, { op: "getPlace" | "setPlace" }>,
  ): void {
    if (s.op === "getPlace" || s.op === "setPlace") return super.memory(s);
    const { lines } = this;
    const reserved = s.op !== "reserve" && s.reserved;
    if (!reserved) this.storeFlags();
    const result = s.op === "load"
      ? this.prefix + s.temp.id
      : s.op === "reserve"
      ? `${this.prefix}p${s.place}`
      : "";
    const value = s.op === "store" ? this.expression(s.value) : "";
    const array = this.use(`M${s.width}`), shift = INDEX_SHIFT[s.width];
    const fast = (at: string) =>
      s.op === "load"
        ? `${result}=${array}[${at}${shift}]`
        : s.op === "store"
        ? `${array}[${at}${shift}]=${value}`
        : `${result}=${at}${shift}`;
    if (result !== "") lines.push(`let ${result}=0;`);
    lines.push(`{const a=${this.expression(s.address)};`);
    const table = s.op === "load" ? "RT" : "WT";
    const aligned = `${ALIGNED[s.width]}(e&1)!==0`;
    const tag = this.tagOf(s);
    if (tag === null) {
      lines.push(`const e=${table}[a>>>12];if(${aligned})${fast("(e&-4096|a&4095)")};else{`);
    } else {
      const offset = offsetOf(tag);
      lines.push(
        `if((a&${tagMask(s.width)})===${tag})${fast(`(a+${offset})`)};`,
        `else{const e=${tag.startsWith("w") ? "WT" : table}[a>>>12];`,
        `if(${aligned}){${tag}=a&-4096;${offset}=(e&-4096)-${tag}|0;${
          fast(`(a+${offset})`)
        };}else{`,
      );
    }
    this.slow(s, result, value, reserved);
    lines.push(tag === null ? "}}" : "}}}");
  }

  private slow(s: Access, result: string, value: string, reserved: boolean): void {
    const { lines } = this;
    const call = (name: string, values = "") => `${this.use(name + s.width)}(a${values});`;
    if (s.op === "load") lines.push(`${result}=${call("load")}`);
    else if (s.op === "reserve") lines.push(`${result}=${call("reserve")}`);
    else if (!reserved) lines.push(call("reserve"));
    if (!reserved) this.bail(`${this.use("stopped")}()`);
    if (s.op === "store") lines.push(call("store", `,${value}`));
  }

  /** The local with the page of the last access of this kind, or null: look into the table. */
  private tagOf(s: Access): string | null {
    const base = this.baseOf(s.address) ?? ABSOLUTE;
    if (!this.inLoop && base !== ESP) return null;
    // What is pushed is popped: one page for both. Pages of the stack are writable.
    const tag = `${s.op === "load" && base !== ESP ? "p" : "w"}${base}`;
    this.tags.add(tag);
    return tag;
  }

  /** The register that an address counts from: the first one in the sum. */
  private baseOf(address: Expression): number | undefined {
    switch (address.op) {
      case "temp":
        return this.origins.get(address.id);
      case "binary":
        return this.baseOf(address.a) ?? this.baseOf(address.b);
      default:
        return undefined;
    }
  }

  protected override statement(s: Statement): void {
    if (s.op === "let") {
      const base = this.baseOf(s.value);
      if (base !== undefined) this.origins.set(s.temp.id, base);
    }
    super.statement(s);
  }
}

/** The local that goes with a tag. */
function offsetOf(tag: string): string {
  return (tag.startsWith("p") ? "q" : "v") + tag.slice(1);
}

/** Keeps of an address its page and the bits that must be 0 for an aligned access. */
function tagMask(width: MemoryWidth): number {
  return ~PAGE_MASK | (width / 8 - 1);
}
