/**
 * Prints what instructions of a region do to general registers, which are locals r0..r7.
 *
 * - Reading a register prints nothing: the temporary is a copy, and printed as the register. Only when the register
 *   changes before the temporary was used for the last time, by the instruction or by the flags, does it get a name.
 *   That makes a third of the text.
 * - What is computed or loaded for a register goes into it at once.
 * - The value that a byte was set to is remembered, because it is what the next instruction reads.
 */

import type { Expression, HelperName, Statement } from "../ir.ts";
import { HandlerPrinter } from "../printer.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";
import type { RegionInstruction } from "./region.ts";
import {
  eachTemp,
  isDecision,
  lastMentions,
  numberOf,
  registerOf,
  someStatement,
  targetOf,
} from "./temporaries.ts";

export const GENERAL: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];
const DIVIDED = [EAX, EDX];

/** General registers that a helper reads and writes in R. */
export const HELPER_REGISTERS: Partial<Record<HelperName, readonly number[]>> = {
  divideUnsigned: DIVIDED,
  divideSigned: DIVIDED,
  timestamp: DIVIDED,
  identify: [EAX, ECX, EDX, EBX],
};

/** Where in an instruction the printer is. */
interface Cursor {
  /** The statement of the program that is printed. */
  at: number;
  depth: number;
  /** The instruction ends with the statement. */
  isLast: boolean;
  /** By temporary: the last statement of the program that mentions it. */
  readonly last: ReadonlyMap<number, number>;
  /** Temporaries that the instruction changes. */
  readonly assigned: ReadonlySet<number>;
}

const NOTHING: ReadonlySet<number> = new Set();
const NOWHERE: Cursor = { at: 0, depth: 0, isLast: true, last: new Map(), assigned: NOTHING };

export abstract class RegisterPrinter extends HandlerPrinter {
  protected instruction!: RegionInstruction;
  protected cursor = NOWHERE;
  /** Temporaries that are not printed, because they are what the local of a register holds. */
  protected copies: ReadonlyMap<string, number> = new Map();
  /** Temporaries that byte registers (by index of a register statement) were set to. */
  protected bytes: ReadonlyMap<number, string> = new Map();
  /** Temporaries with a constant value. */
  private readonly constants = new Map<string, string>();
  /** The register that the next statement sets to what this one computes, or -1; and whether that was done. */
  private target = -1;
  private skip = false;
  /** The next statement is an `if` that asks for nothing but the condition that this one computes. */
  private decides = false;

  /** Begins with an instruction. */
  protected enterInstruction(instruction: RegionInstruction): void {
    this.instruction = instruction;
    this.cursor = {
      at: 0,
      depth: 0,
      isLast: true,
      last: lastMentions(instruction.program.body),
      assigned: assignedTemps(instruction.program.body),
    };
    // Of older instructions only the flags speak.
    if (this.copies.size === 0) return;
    const old = this.flagTemps();
    this.copies = new Map([...this.copies].filter(([name]) => old.has(name)));
  }

  protected override block(statements: readonly Statement[]): void {
    const { cursor } = this;
    const { isLast } = cursor;
    cursor.depth++;
    for (let i = 0; i < statements.length; i++) {
      if (cursor.depth === 1) cursor.at = i;
      cursor.isLast = isLast && i === statements.length - 1;
      this.target = targetOf(statements[i], statements[i + 1]);
      this.decides = isDecision(statements[i], statements[i + 1]);
      this.skip = false;
      this.statement(statements[i]);
      if (this.skip) i++;
      this.skip = false;
    }
    cursor.depth--;
    cursor.isLast = isLast;
  }

  protected forgetRegisters(): void {
    this.forgetBytes();
    this.copies = new Map();
  }

  protected forgetBytes(): void {
    this.bytes = new Map();
  }

  protected override statement(s: Statement): void {
    if (s.op === "getRegister") {
      const index = numberOf(s.index);
      if (s.width === 32 && !this.assigns(s.temp.id)) {
        return this.copy(this.prefix + s.temp.id, index);
      }
      const byte = s.width === 8 ? this.bytes.get(index) : undefined;
      this.define(s.temp, byte ?? registerText(s.width, index));
    } else if (s.op === "let" && !this.assigns(s.temp.id)) {
      this.letTemp(this.prefix + s.temp.id, s.value);
    } else if (s.op === "setRegister") {
      this.setRegister(s.width, numberOf(s.index), s.value);
    } else if (s.op === "getCondition" && this.decides) {
      this.setConstant(s.temp.id, this.condition(s.code));
    } else super.statement(s);
  }

  protected override expression(e: Expression, prefix: string = this.prefix): string {
    if (e.op !== "temp") return super.expression(e, prefix);
    const name = prefix + e.id;
    const copied = this.copies.get(name);
    return copied === undefined ? this.constants.get(name) ?? name : `r${copied}`;
  }

  /** A temporary becomes a text, which means the same wherever it is used. */
  protected setConstant(id: number, text: string): void {
    this.constants.set(this.prefix + id, text);
  }

  /** A temporary that is not assigned to. */
  private letTemp(name: string, value: Expression): void {
    const { target } = this;
    if (value.op === "const") this.constants.set(name, this.expression(value));
    else if (value.op === "temp" && !this.assigns(value.id)) {
      const copied = this.copies.get(this.prefix + value.id);
      if (copied === undefined) this.constants.set(name, this.expression(value));
      else this.copy(name, copied);
    } else if (target >= 0) {
      this.setWhole(target, this.expression(value));
      this.copy(name, target);
      this.skip = true;
    } else this.lines.push(`let ${name}=${this.expression(value)};`);
  }

  // Copies of registers.

  private copy(name: string, register: number): void {
    this.copies = new Map(this.copies).set(name, register);
  }

  /** A register is about to change: what was to be read of it later, or `within` this statement, is kept. */
  protected beforeChange(register: number, within = this.cursor.depth > 1): void {
    if (this.copies.size === 0) return;
    const flags = this.flagTemps();
    const { at, last } = this.cursor;
    const rest = new Map(this.copies);
    for (const [name, copied] of rest) {
      if (copied !== register) continue;
      rest.delete(name);
      const own = name.startsWith(this.prefix)
        ? last.get(Number(name.slice(this.prefix.length)))
        : undefined;
      const needed = own !== undefined && (within ? own >= at : own > at);
      if (needed || flags.has(name)) this.lines.push(`const ${name}=r${register};`);
    }
    this.copies = rest;
  }

  /** From here on a temporary is printed by its name. */
  protected pin(names: Iterable<string>): void {
    for (const name of names) {
      const copied = this.copies.get(name);
      if (copied === undefined) continue;
      this.lines.push(`const ${name}=r${copied};`);
      const rest = new Map(this.copies);
      rest.delete(name);
      this.copies = rest;
    }
  }

  /** Temporaries that the flags follow from. */
  protected flagTemps(): Set<string> {
    const names = new Set<string>();
    if (this.flags !== null) eachTemp(this.flags, (id) => names.add(this.flagsPrefix + id));
    return names;
  }

  /** Something under a condition changes registers. */
  protected beforeBranches(statements: readonly Statement[]): void {
    for (const register of this.changedRegisters(statements)) this.beforeChange(register, true);
  }

  private changedRegisters(statements: readonly Statement[]): Set<number> {
    const changed = new Set<number>();
    someStatement(statements, (s) => {
      if (s.op === "setRegister") changed.add(registerOf(s.width, numberOf(s.index)));
      else if (s.op === "call") HELPER_REGISTERS[s.helper]?.forEach((n) => changed.add(n));
      else if (s.op === "operation") this.writtenBy().forEach((n) => changed.add(n));
      return false;
    });
    return changed;
  }

  /** General registers that the operation of the instruction writes. */
  protected writtenBy(): number[] {
    const writes = this.instruction.binding?.writesGeneral ?? 255;
    return GENERAL.filter((n) => (writes >> n & 1) !== 0);
  }

  /** Whether the instruction changes a temporary. */
  private assigns(id: number): boolean {
    return this.cursor.assigned.has(id);
  }

  private setRegister(width: number, index: number, to: Expression): void {
    const number = registerOf(width, index);
    if (width === 32) return this.setWhole(index, this.expression(to));
    const value = this.expression(to);
    this.beforeChange(number);
    const bytes = new Map(this.bytes);
    for (const byte of bytes.keys()) {
      if (byte >> 2 === number && (width !== 8 || byte === index)) bytes.delete(byte);
    }
    if (
      width === 8 && to.op === "temp" && !this.assigns(to.id) &&
      !this.copies.has(this.prefix + to.id)
    ) {
      bytes.set(index, value);
    }
    this.bytes = bytes;
    if (width === 16) {
      this.lines.push(`r${index >> 1}=r${index >> 1}&-65536|${value}&65535;`);
    } else {
      const shift = 8 * (index & 3), r = `r${index >> 2}`;
      this.lines.push(`${r}=${r}&${~(255 << shift)}|(${value}&255)<<${shift};`);
    }
  }

  private setWhole(index: number, value: string): void {
    this.beforeChange(index);
    this.forgetBytesOf(index);
    this.lines.push(`r${index}=${value};`);
  }

  private forgetBytesOf(register: number): void {
    if (![...this.bytes.keys()].some((byte) => byte >> 2 === register)) return;
    this.bytes = new Map([...this.bytes].filter(([byte]) => byte >> 2 !== register));
  }

  /** The register that takes what a load has read, if nothing else needs it; or -1. */
  protected takeTarget(temp: { readonly id: number }): number {
    const { target, cursor } = this;
    if (target < 0 || (cursor.last.get(temp.id) ?? 0) > cursor.at + 1 || cursor.depth > 1) {
      return -1;
    }
    this.beforeChange(target);
    this.forgetBytesOf(target);
    this.skip = true;
    return target;
  }

  protected registersOut(numbers: readonly number[]): void {
    if (numbers.length > 0) this.lines.push(numbers.map((n) => `R[${n}]=r${n};`).join(""));
  }

  protected registersIn(numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    for (const n of numbers) this.beforeChange(n);
    this.lines.push(numbers.map((n) => `r${n}=R[${n}];`).join(""));
    this.forgetBytes();
  }
}

/** Most instructions change none. */
function assignedTemps(body: readonly Statement[]): ReadonlySet<number> {
  let assigned: Set<number> | null = null;
  someStatement(body, (s) => {
    if (s.op === "assign") (assigned ??= new Set()).add(s.temp.id);
    return false;
  });
  return assigned ?? NOTHING;
}

function registerText(width: number, index: number): string {
  if (width === 32) return `r${index}`;
  if (width === 16) return `r${index >> 1}<<16>>16`;
  return `r${index >> 2}<<${24 - 8 * (index & 3)}>>24`;
}
