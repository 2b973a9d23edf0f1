/**
 * Prints memory accesses of a region.
 *
 * The inline TLB: for each base register a local holds the page of its last access (p, or w for writes) and
 * another one what to add to get from an address into the pool (q, v), so that most accesses look at no table:
 *
 *     if((a&-4093)===p3)t=M32[a+q3>>2];else{t=slowLoad32(a);...p3=S[1];q3=S[2];}
 *
 * Loops that walk through several pages at once look into the table (RT, WT) before they call anything.
 * The mask keeps the low bits of the address, so that the same comparison finds unaligned ones; a page of -1
 * equals nothing. While a region runs no page moves without making it leave (guest_memory.ts, `miss`), so that
 * nothing here ever has to be forgotten. Tables at fixed addresses have a page each instead of one for the
 * register that is the index.
 *
 * A slow access (slow_access.ts) can have changed what this code was made from. It then leaves before the
 * instruction has changed anything, and the evaluator runs that instruction.
 */

import { PAGE_MASK, PAGE_SIZE } from "../engine.ts";
import type { Expression, Statement } from "../ir.ts";
import { known, placeText } from "../printer.ts";
import { ESP } from "../state.ts";
import { InstructionPrinter } from "./instruction_printer.ts";
import { OFFSET, SLOW_DOUBLE, STOP, TAG } from "./slow_access.ts";

type Access = Extract<Statement, { op: "load" | "store" | "reserve" }>;

/** A displacement from here on is the address of a table, and the register its index. */
const LEAST_TABLE = 0x10000;
/** Tags 0..7 are those of registers, the others of pages at fixed addresses. */
const FIRST_PAGE_TAG = 8, MAXIMUM_TAGS = 20;

/** Pushes and pops. */
const STACK_TAG = `w${ESP}`;

export abstract class MemoryPrinter extends InstructionPrinter {
  /** The instruction stands in a loop. */
  protected inLoop = false;
  private readonly tags = new Set<string>();
  private readonly pageTags = new Map<number, number>();
  /** Numbers of tags of the addresses that temporaries of the instruction hold. */
  private readonly bases = new Map<number, number>();

  /** Definitions of the locals that the accesses use. */
  protected tagDefinitions(): string {
    return [...this.tags].map((tag) => `,${tag}=-1,${offsetOf(tag)}=0`).join("");
  }

  protected override memory(
    s: Access | Extract<Statement, { op: "getPlace" | "setPlace" }>,
  ): void {
    if (s.op === "getPlace" || s.op === "setPlace") return super.memory(s);
    const { lines } = this;
    const value = s.op === "store" ? this.expression(s.value) : "";
    if (s.op !== "reserve" && s.reserved) {
      // It may follow a store of the same instruction, so that no tag can be trusted.
      const text = `${this.use(s.op + s.width)}(${this.expression(s.address)}`;
      if (s.op === "load") this.define(s.temp, known(s.width, `${text})`));
      else lines.push(`${text},${value});`);
      return;
    }
    const tag = this.tagOf(s);
    const address = this.expression(s.address);
    const plain = /^(?:r\d|t\d+_\d+)$/.test(address);
    const a = plain ? address : "a", at = `${a}+${offsetOf(tag)}`;
    const taken = s.op === "load" && s.width === 32 ? this.takeTarget(s.temp) : -1;
    const name = s.op === "load"
      ? taken < 0 ? this.prefix + s.temp.id : `r${taken}`
      : s.op === "reserve"
      ? `${this.prefix}p${s.place}`
      : "";
    const result = name === "" ? "" : `${name}=`;
    if (name !== "" && taken < 0) lines.push(`let ${name}=0;`);
    if (!plain) lines.push(`{const a=${address};`);
    lines.push(`if(${hit(s, tag, a)})${result}${this.fast(s, at, value)};`);
    // In a loop a page that is not the last one is looked up here; on the stack that is rare.
    if (this.inLoop && tag !== STACK_TAG) {
      this.lookUp(s, tag, a, `${result}${this.anywhere(s, at, value)}`);
    }
    const slow = `${this.use(slowName(s, tag))}(${a}${value && `,${value}`})`;
    if (taken >= 0) lines.push(`else{const t=${slow}|0;`);
    else if (s.op === "load" && s.width === 64) {
      lines.push(`else{${slow};${result}${this.use("D")}[${SLOW_DOUBLE}];`);
    } else lines.push(`else{${result}${slow}${name === "" ? "" : "|0"};`);
    this.bail(`${this.use("S")}[${STOP}]!==0`);
    const take = taken >= 0 ? `${name}=t;` : "";
    lines.push(`${tag}=S[${TAG}];${offsetOf(tag)}=S[${OFFSET}];${take}}${plain ? "" : "}"}`);
  }

  private lookUp(s: Access, tag: string, a: string, access: string): void {
    const offset = offsetOf(tag), entry = `${tag.startsWith("w") ? "WT" : "RT"}[${a}>>>12]`;
    const last = PAGE_SIZE - s.width / 8;
    const simple = s.width === 8
      ? ""
      : s.op === "reserve" && s.width < 64
      ? `&&(${a}&${s.width / 8 - 1})===0`
      : `&&(${a}&${PAGE_MASK})<=${last}`;
    this.lines.push(
      `else if((e=${entry},(e&1)!==0)${simple}){`,
      `${tag}=${a}&-4096|h;${offset}=(e&-4096)-(${a}&-4096)|0;${access};}`,
    );
  }

  /** The access to the pool at byte `at`. */
  private fast({ op, width }: Access, at: string, value: string): string {
    const place = placeText(width, at);
    if (op === "reserve") return place;
    return op === "load" ? this.poolLoad(width, place) : this.poolStore(width, place, value);
  }

  /** The same where nothing is known but that it lies in one page. */
  private anywhere(s: Access, at: string, value: string): string {
    if (s.op === "reserve" || s.width === 8 || s.width === 64) return this.fast(s, at, value);
    const V = this.use("V");
    return s.op === "load"
      ? `${V}.getInt${s.width}(${at}|0,true)`
      : `${V}.setInt${s.width}(${at}|0,${value},true)`;
  }

  private tagOf(s: Access): string {
    const base = this.baseOf(s.address) ?? this.pageTag(0);
    // What is pushed is popped: one page for both. Pages of the stack are writable.
    const tag = `${s.op === "load" && base !== ESP ? "p" : "w"}${base}`;
    this.tags.add(tag);
    return tag;
  }

  /** The number of the tag for an address: that of the first register in the sum, or of its table. */
  private baseOf(address: Expression): number | undefined {
    switch (address.op) {
      case "const":
        return address.value >>> 0 >= LEAST_TABLE && address.value > 0
          ? this.pageTag(address.value)
          : undefined;
      case "temp":
        return this.bases.get(address.id);
      case "binary": {
        const a = this.baseOf(address.a), b = this.baseOf(address.b);
        return a === undefined || (b !== undefined && b >= FIRST_PAGE_TAG) ? b : a;
      }
      default:
        return undefined;
    }
  }

  private pageTag(address: number): number {
    const page = address >>> 12;
    const known = this.pageTags.get(page);
    if (known !== undefined) return known;
    const tag = Math.min(FIRST_PAGE_TAG + this.pageTags.size, MAXIMUM_TAGS);
    this.pageTags.set(page, tag);
    return tag;
  }

  protected override statement(s: Statement): void {
    if (s.op === "let") this.remember(s.temp.id, this.baseOf(s.value));
    else if (s.op === "getRegister" && s.width === 32 && s.index.op === "const") {
      this.remember(s.temp.id, s.index.value);
    }
    super.statement(s);
  }

  private remember(id: number, base: number | undefined): void {
    if (base === undefined) this.bases.delete(id);
    else this.bases.set(id, base);
  }
}

/** The local that goes with a tag. */
function offsetOf(tag: string): string {
  return (tag.startsWith("p") ? "q" : "v") + tag.slice(1);
}

function slowName(s: Access, tag: string): string {
  if (s.op === "load") return `${tag.startsWith("w") ? "stack" : "slow"}Load${s.width}`;
  return `slow${s.op === "store" ? "Store" : "Reserve"}${s.width}`;
}

/** Whether the access lies in the page of `tag` and is aligned, or for doubles, all in it. */
function hit({ width }: Access, tag: string, a: string): string {
  const page = ~PAGE_MASK;
  if (width < 64) return `(${a}&${page | (width / 8 - 1)})===${tag}`;
  return `(${a}&${page})===${tag}&&(${a}&${PAGE_MASK})<=${PAGE_SIZE - 8}`;
}
