/**
 * Prints what single instructions of a region call, and what they do to flags.
 *
 * A setFlags prints nothing. Until the next one it is `pending`: a condition is printed straight from its operands.
 * Where control can leave, it is first stored in locals (region_flags.ts).
 *
 * Registers are register_printer.ts, which this extends; memory is memory_printer.ts and where control goes
 * region_printer.ts, which extend this.
 */

import { type Expression, HELPERS, type Statement } from "../ir.ts";
import { ARITHMETIC_FLAGS } from "../flags.ts";
import type { RegionInstruction } from "./region.ts";
import { carryText, FLAG_LOCALS, flagStores, onlySetsFlags } from "./region_flags.ts";
import { GENERAL, HELPER_REGISTERS, RegisterPrinter } from "./register_printer.ts";
import { LEFT } from "./slow_access.ts";
import { someStatement, tempNames } from "./temporaries.ts";

/** Characters: what is pending is printed at every way out. */
const MAXIMUM_PENDING = 400;

type If = Extract<Statement, { op: "if" }>;
type SetFlags = Extract<Statement, { op: "setFlags" }>;

/** What the printer knows at one point of the control flow. */
export interface PrinterState {
  readonly flags: SetFlags | null;
  readonly flagsPrefix: string;
  readonly waiting: boolean;
  readonly stores: string;
  readonly completed: number;
  readonly bytes: ReadonlyMap<number, string>;
  readonly copies: ReadonlyMap<string, number>;
}

export abstract class InstructionPrinter extends RegisterPrinter {
  /** Instructions that are complete since `left` was last brought up to date. */
  protected completed = 0;
  /** `flags` are not in the locals yet, and before them neither is what these statements store. */
  private waiting = false;
  private stores = "";
  /** The helper that was called may have changed the code. */
  protected unsure = false;
  /** Inside of an `if` or `loop` that changes flags. */
  private immediate = 0;
  /** The instruction sets the flags from the old ones, which are pending. */
  private builds = false;
  private serial = 0;

  /** Leaves at the instruction if `condition`, before it has changed anything. */
  protected abstract bail(condition: string): void;

  /** Leaves for `address` behind the instruction if that has changed the code. */
  protected abstract leaveIfStopped(address: number | string): void;

  protected printInstruction(instruction: RegionInstruction): void {
    this.prefix = `t${this.serial++}_`;
    this.unsure = false;
    this.builds = false;
    this.enterInstruction(instruction);
    this.block(instruction.program.body);
  }

  protected get state(): PrinterState {
    const { flags, flagsPrefix, waiting, stores, completed, bytes, copies } = this;
    return { flags, flagsPrefix, waiting, stores, completed, bytes, copies };
  }

  protected set state(state: PrinterState) {
    this.flags = state.flags;
    this.flagsPrefix = state.flagsPrefix;
    this.waiting = state.waiting;
    this.stores = state.stores;
    this.completed = state.completed;
    this.bytes = state.bytes;
    this.copies = state.copies;
  }

  /** Control comes here from several sides: nothing is known but that the locals are up to date. */
  protected forget(): void {
    this.forgetFlags();
    this.forgetRegisters();
  }

  private forgetFlags(): void {
    this.flags = null;
    this.waiting = false;
    this.stores = "";
  }

  protected override statement(s: Statement): void {
    if (s.op === "operation") this.operation(s);
    else super.statement(s);
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
    this.bail(`${temp}>0&&(s=${this.use("raise")}(${temp},0))>=0`);
    this.registersIn(this.writtenBy());
  }

  protected override call(s: Extract<Statement, { op: "call" }>): void {
    const effects = HELPERS[s.helper];
    if (s.helper === "getCarryBit" && s.temp !== null) {
      if (this.isStep) this.pin(this.flagTemps());
      const text = this.carry();
      if (this.isStep) this.setConstant(s.temp.id, text);
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
    // What is retired can be the clock.
    if (s.helper === "timestamp") {
      this.lines.push(`${this.use("S")}[${LEFT}]=left-${this.completed + 1}|0;`);
    }
    const values = s.values.map((value) => this.expression(value)).join(",");
    const text = `${this.use(s.helper)}(${values})`;
    if (s.temp === null) this.lines.push(text + ";");
    else this.define(s.temp, text + "|0");
    if (effects.faults) this.bail(`${this.use("stopped")}()`);
    else if (effects.touchesCode) {
      // Off the frequent path, which then need not ask.
      if (this.cursor.isLast && this.cursor.depth > 1) this.leaveIfStopped(this.instruction.end);
      else this.unsure = true;
    }
    // It takes long: the time may be used up.
    if (s.helper === "timestamp") this.unsure = true;
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
      this.settle();
      this.builds = true;
      this.stores += `${flagWordsText()}const ${this.prefix}${s.temp.id}=${
        this.use("getFlags")
      }()|0;`;
      return true;
    }
    if (s.helper !== "setFlagsWord" || !body.includes(s)) return false;
    if (!this.builds) this.stores = "";
    this.waiting = false;
    this.pin(tempNames(s, this.prefix));
    this.stores += `fk=0;fa=${this.expression(s.values[0])}&${ARITHMETIC_FLAGS};`;
    this.flags = null;
    return true;
  }

  /** A shift by a count that may be 0 perhaps sets the flags: that waits, too. */
  protected deferFlags({ condition, then, else: otherwise }: If): boolean {
    const last = then[then.length - 1];
    if (this.immediate > 0 || otherwise.length > 0 || last?.op !== "setFlags") return false;
    if (!then.slice(0, -1).every(({ op }) => op === "let")) return false;
    this.settle();
    this.pin(tempNames([condition, then], this.prefix));
    const { lines } = this;
    const first = lines.length;
    for (const s of then.slice(0, -1)) this.statement(s);
    const stores = lines.splice(first).join("") + flagStores(last, (e) => this.expression(e));
    this.stores += `if(${this.expression(condition)}){${stores}}`;
    this.flags = null;
    return true;
  }

  /** Statements that bring the locals of the flags up to date, or "". */
  protected get pending(): string {
    const { flags, waiting, flagsPrefix } = this;
    if (!waiting || flags === null) return this.stores;
    return this.stores + flagStores(flags, (e) => this.expression(e, flagsPrefix));
  }

  /** Makes a text of what is pending, to which more can be added. */
  private settle(): void {
    this.pin(this.flagTemps());
    this.stores = this.pending;
    this.waiting = false;
    if (this.stores.length > MAXIMUM_PENDING) this.storeFlags();
  }

  /** Brings the locals up to date. */
  protected storeFlags(): void {
    const { pending } = this;
    if (pending !== "") this.lines.push(`{${pending}}`);
    this.stores = "";
    this.waiting = false;
  }

  /** Brings R up to date, for a helper that looks there. */
  private flagsOut(): void {
    this.storeFlags();
    this.lines.push(flagWordsText());
  }

  protected override setFlags(s: Extract<Statement, { op: "setFlags" }>): void {
    this.flags = s;
    this.flagsPrefix = this.prefix;
    this.waiting = true;
    this.stores = "";
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

export function changesFlags(statements: readonly Statement[]): boolean {
  return someStatement(
    statements,
    (s) => s.op === "setFlags" || (s.op === "call" && s.helper === "setFlagsWord"),
  );
}
