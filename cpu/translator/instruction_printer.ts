/**
 * Prints what single instructions of a region do to registers and flags.
 *
 * - General registers are locals r0..r7; R holds them only around operations that work on R. The value that
 *   a byte was set to is remembered, because it is what the next instruction reads.
 * - Flags: a setFlags prints nothing. Until the next one it is `pending`: a condition is printed straight
 *   from its operands. Where control can leave, it is first stored in locals (region_flags.ts).
 *
 * Memory is memory_printer.ts and where control goes region_printer.ts, which extend this.
 */

import { type Expression, type HelperName, HELPERS, type Statement } from "../ir.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";
import { ARITHMETIC_FLAGS } from "../flags.ts";
import { HandlerPrinter } from "../printer.ts";
import type { RegionInstruction } from "./region.ts";
import { carryText, FLAG_LOCALS, flagStores, onlySetsFlags } from "./region_flags.ts";

/** Characters: what is pending is printed at every way out. */
const MAXIMUM_PENDING = 400;

export const GENERAL: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];
const DIVIDED = [EAX, EDX];

/** General registers that a helper reads and writes in R. */
const HELPER_REGISTERS: Partial<Record<HelperName, readonly number[]>> = {
  divideUnsigned: DIVIDED,
  divideSigned: DIVIDED,
  identify: [EAX, ECX, EDX, EBX],
};

/** What the printer knows at one point of the control flow. */
export interface PrinterState {
  readonly flags: Extract<Statement, { op: "setFlags" }> | null;
  readonly flagsPrefix: string;
  readonly pending: string;
  readonly completed: number;
  readonly bytes: ReadonlyMap<number, string>;
}

export abstract class InstructionPrinter extends HandlerPrinter {
  protected instruction!: RegionInstruction;
  /** Instructions that are complete since `left` was last brought up to date. */
  protected completed = 0;
  /** Statements that bring the locals of the flags up to date, or "". */
  protected pending = "";
  /** The helper that was called may have changed the code. */
  protected unsure = false;
  /** Temporaries that byte registers (by index of a register statement) were set to. */
  private bytes: ReadonlyMap<number, string> = new Map();
  /** Temporaries with a constant value. */
  private readonly constants = new Map<string, string>();
  /** Inside of an `if` or `loop` that changes flags. */
  private immediate = 0;
  /** The instruction sets the flags from the old ones, which are pending. */
  private builds = false;
  private serial = 0;

  /** Leaves at the instruction if `condition`, before it has changed anything. */
  protected abstract bail(condition: string): void;

  protected printInstruction(instruction: RegionInstruction): void {
    this.instruction = instruction;
    this.prefix = `t${this.serial++}_`;
    this.unsure = false;
    this.builds = false;
    this.block(instruction.program.body);
  }

  protected get state(): PrinterState {
    const { flags, flagsPrefix, pending, completed, bytes } = this;
    return { flags, flagsPrefix, pending, completed, bytes };
  }

  protected set state({ flags, flagsPrefix, pending, completed, bytes }: PrinterState) {
    this.flags = flags;
    this.flagsPrefix = flagsPrefix;
    this.pending = pending;
    this.completed = completed;
    this.bytes = bytes;
  }

  /** Control comes here from several sides: nothing is known but that the locals are up to date. */
  protected forget(): void {
    this.forgetFlags();
    this.forgetBytes();
  }

  protected forgetBytes(): void {
    this.bytes = new Map();
  }

  private forgetFlags(): void {
    this.flags = null;
    this.pending = "";
  }

  // Registers.

  protected override statement(s: Statement): void {
    if (s.op === "getRegister") {
      const index = numberOf(s.index);
      const byte = s.width === 8 ? this.bytes.get(index) : undefined;
      this.define(s.temp, byte ?? registerText(s.width, index));
    } else if (s.op === "let" && s.value.op === "const" && !this.assigns(s.temp.id)) {
      this.constants.set(this.prefix + s.temp.id, this.expression(s.value));
    } else if (s.op === "setRegister") {
      this.setRegister(s.width, numberOf(s.index), s.value);
    } else if (s.op === "operation") {
      this.operation(s);
    } else super.statement(s);
  }

  protected override expression(e: Expression, prefix: string = this.prefix): string {
    if (e.op !== "temp") return super.expression(e, prefix);
    return this.constants.get(prefix + e.id) ?? prefix + e.id;
  }

  /** Whether the instruction changes a temporary. */
  private assigns(id: number): boolean {
    return someStatement(
      this.instruction.program.body,
      (s) => s.op === "assign" && s.temp.id === id,
    );
  }

  private setRegister(width: number, index: number, to: Expression): void {
    const value = this.expression(to);
    const number = width === 32 ? index : width === 16 ? index >> 1 : index >> 2;
    const bytes = new Map(this.bytes);
    for (const byte of bytes.keys()) {
      if (byte >> 2 === number && (width !== 8 || byte === index)) bytes.delete(byte);
    }
    if (width === 8 && to.op === "temp" && !this.assigns(to.id)) bytes.set(index, value);
    this.bytes = bytes;
    if (width === 32) this.lines.push(`r${index}=${value};`);
    else if (width === 16) {
      this.lines.push(`r${index >> 1}=r${index >> 1}&-65536|${value}&65535;`);
    } else {
      const shift = 8 * (index & 3), r = `r${index >> 2}`;
      this.lines.push(`${r}=${r}&${~(255 << shift)}|(${value}&255)<<${shift};`);
    }
  }

  private registersOut(numbers: readonly number[]): void {
    if (numbers.length > 0) this.lines.push(numbers.map((n) => `R[${n}]=r${n};`).join(""));
  }

  private registersIn(numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    this.lines.push(numbers.map((n) => `r${n}=R[${n}];`).join(""));
    this.forgetBytes();
  }

  private operation(s: Extract<Statement, { op: "operation" }>): void {
    const { binding } = this.instruction;
    const reads = binding?.readsGeneral ?? 255, writes = binding?.writesGeneral ?? 255;
    const name = this.use(`op${this.operations.length}`);
    this.operations.push(s.operation);
    const values = s.values.map((value) => this.expression(value)).join(",");
    // What it writes is written out too: it need not write all of it.
    this.registersOut(GENERAL.filter((n) => ((reads | writes) >> n & 1) !== 0));
    this.define(s.temp, `${name}(${this.use("C")},${values})|0`);
    const temp = this.prefix + s.temp.id;
    this.bail(`${temp}>0&&(s=${this.use("raise")}(${temp},0))!==0`);
    this.registersIn(GENERAL.filter((n) => (writes >> n & 1) !== 0));
  }

  protected override call(s: Extract<Statement, { op: "call" }>): void {
    const effects = HELPERS[s.helper];
    if (s.helper === "getCarryBit" && s.temp !== null) {
      const text = this.carry();
      if (this.isStep) this.constants.set(this.prefix + s.temp.id, text);
      else this.define(s.temp, text);
      return;
    }
    if (this.defer(s)) return;
    if (s.helper === "setFlagsWord") {
      this.forgetFlags();
      this.lines.push(`fk=0;fa=${this.expression(s.values[0])}&${ARITHMETIC_FLAGS};`);
      return;
    }
    if (s.helper === "getFlags") this.flagsOut();
    const registers = HELPER_REGISTERS[s.helper] ?? [];
    this.registersOut(registers);
    const values = s.values.map((value) => this.expression(value)).join(",");
    const text = `${this.use(s.helper)}(${values})`;
    if (s.temp === null) this.lines.push(text + ";");
    else this.define(s.temp, text + "|0");
    if (effects.faults) this.bail(`${this.use("stopped")}()`);
    else if (effects.touchesCode) {
      this.use("stopped");
      this.unsure = true;
    }
    this.registersIn(registers);
  }

  // Flags.

  /** INC and DEC: only the flags that they set mention the carry, so it is looked at when they are. */
  private get isStep(): boolean {
    const last = this.instruction.program.body.at(-1);
    return last?.op === "setFlags" && (last.kind === "inc" || last.kind === "dec");
  }

  /** CF as 0 or 1. */
  private carry(): string {
    const text = this.flags === null ? null : carryText(
      this.flags,
      (e: Expression) => this.expression(e, this.flagsPrefix),
    );
    if (text !== null) return text;
    this.storeFlags();
    return `(fk>4?fc:${this.use("carryOf")}(fk,fa,fb,fr)|0)`;
  }

  /**
   * CLC and its kind change some flags and keep the others: reading the old ones and setting the new ones
   * then waits until somebody looks, as everything that is pending.
   */
  private defer(s: Extract<Statement, { op: "call" }>): boolean {
    if (this.immediate > 0) return false;
    const { body } = this.instruction.program;
    if (s.helper === "getFlags" && s.temp !== null && onlySetsFlags(body, s.temp.id)) {
      if (this.pending.length > MAXIMUM_PENDING) this.storeFlags();
      this.builds = true;
      this.pending += `${flagWordsText()}const ${this.prefix}${s.temp.id}=${
        this.use("getFlags")
      }()|0;`;
      return true;
    }
    if (s.helper !== "setFlagsWord" || !body.includes(s)) return false;
    if (!this.builds) this.pending = "";
    this.pending += `fk=0;fa=${this.expression(s.values[0])}&${ARITHMETIC_FLAGS};`;
    this.flags = null;
    return true;
  }

  /** Brings the locals up to date. */
  protected storeFlags(): void {
    if (this.pending !== "") this.lines.push(`{${this.pending}}`);
    this.pending = "";
  }

  /** Brings R up to date, for a helper that looks there. */
  private flagsOut(): void {
    this.storeFlags();
    this.lines.push(flagWordsText());
  }

  protected override setFlags(s: Extract<Statement, { op: "setFlags" }>): void {
    this.flags = s;
    this.flagsPrefix = this.prefix;
    this.pending = flagStores(s, (e) => this.expression(e));
    if (this.immediate > 0) this.storeFlags();
  }

  protected override condition(code: number): string {
    const known = this.flags === null ? null : this.knownCondition(code >> 1, this.flags);
    if (known === null) this.flagsOut();
    return super.condition(code);
  }

  /** An `if` or `loop` in which flags change: the locals hold them before, inside and behind. */
  protected changingFlags(print: () => void): void {
    this.storeFlags();
    this.immediate++;
    print();
    this.immediate--;
    this.flags = null;
  }
}

function flagWordsText(): string {
  return FLAG_LOCALS.map(([word, local]) => `R[${word}]=${local};`).join("");
}

function registerText(width: number, index: number): string {
  if (width === 32) return `r${index}`;
  if (width === 16) return `r${index >> 1}<<16>>16`;
  return `r${index >> 2}<<${24 - 8 * (index & 3)}>>24`;
}

export function numberOf(index: Expression): number {
  if (index.op === "const") return index.value;
  throw new Error(
    `instruction printer: expected a constant register number, got ${index.op}; use literalForm`,
  );
}

export function changesFlags(statements: readonly Statement[]): boolean {
  return someStatement(
    statements,
    (s) => s.op === "setFlags" || (s.op === "call" && s.helper === "setFlagsWord"),
  );
}

function someStatement(
  statements: readonly Statement[],
  is: (statement: Statement) => boolean,
): boolean {
  return statements.some((s) =>
    is(s) || (s.op === "if" && (someStatement(s.then, is) || someStatement(s.else, is))) ||
    (s.op === "loop" && someStatement(s.body, is))
  );
}
