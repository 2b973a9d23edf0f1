/**
 * Prints a region as one JavaScript function.
 *
 *     function region(block,left){
 *     const RT=X.readTable,WT=X.writeTable,base=R[8]&-4096;
 *     let r0=R[0],...,r7=R[7],x=0,s=0;
 *     out:for(;;)switch(block){
 *     case 1:{left=left-3|0;                       // add eax,edx; dec ecx; jnz to block 1
 *     const t1_0=r0; ... r0=t1_2; ...
 *     if(t3_0){if(left<3){...x=16;break out;}block=1;continue out;} ... }
 *     case 2: ...
 *     }
 *     R[0]=r0;...R[8]=base+x|0;R[31]=left;return s|X.fault;
 *     }
 *
 * - General registers are locals; R holds them only around operations that work on R.
 * - `left` is what remains of the budget, less all instructions of the current block; a way out in its
 *   middle gives the rest back. A jump to a block for which the budget is too small leaves the region, so
 *   every exit is exact.
 * - Flags: a setFlags prints nothing. Until the next one it is `pending`: a condition is printed straight
 *   from its operands, and a way out stores it. Only control that goes on to another block stores it on
 *   the hot path, unless that block is known not to look.
 * - A memory access that takes the slow path can have changed what this code was made from. It then
 *   leaves before the instruction has changed anything, and the evaluator runs that instruction.
 *
 * Ways out set x (offset of the next instruction from the page) and s (EXIT_* or 0).
 * Text: this file's vocabulary, that of cpu/printer.ts, and integers.
 */

import { type HelperName, HELPERS, type Statement } from "../ir.ts";
import { EAX, EBX, ECX, EDX, EIP, SCRATCH } from "../state.ts";
import { PAGE_MASK } from "../engine.ts";
import type { Operation } from "../operation.ts";
import { ALIGNED, HandlerPrinter, INDEX_SHIFT } from "../printer.ts";
import type { Region, RegionBlock, RegionInstruction } from "./region.ts";
import { carryText, flagStores, needsFlags, onlySetsFlags } from "./region_flags.ts";

/** Where a region leaves what remains of its budget. */
export const LEFT_WORD: number = SCRATCH + 3;

export interface PrintedRegion {
  /** The body of a function of `block` and `left`. */
  readonly body: string;
  readonly names: readonly string[];
  readonly operations: readonly Operation[];
}

/** Characters: what is pending is printed at every way out. */
const MAXIMUM_PENDING = 400;

const GENERAL = [0, 1, 2, 3, 4, 5, 6, 7];
const DIVIDED = [EAX, EDX];

/** General registers that a helper reads and writes in R. */
const HELPER_REGISTERS: Partial<Record<HelperName, readonly number[]>> = {
  divideUnsigned: DIVIDED,
  divideSigned: DIVIDED,
  identify: [EAX, ECX, EDX, EBX],
};

export function printRegion(region: Region): PrintedRegion {
  return new RegionPrinter(region).printRegion();
}

class RegionPrinter extends HandlerPrinter {
  /** Block numbers, from 1, by offset. */
  private readonly numbers = new Map<number, number>();
  private readonly live: ReadonlyMap<number, boolean>;
  private current!: RegionBlock;
  private instruction!: RegionInstruction;
  /** Instructions of the block from the current one on. */
  private remaining = 0;
  private serial = 0;
  /** Statements that bring the flags in R up to date, or "". */
  private pending = "";
  /** Inside of an `if` or `loop` that changes flags. */
  private immediate = 0;
  /** Offsets of code that temporaries of the instruction hold. */
  private readonly addresses = new Map<number, number>();
  /** The helper that was called may have changed the code. */
  private unsure = false;
  /** The instruction sets the flags from the old ones, which are pending. */
  private builds = false;
  private nextStart = -1;

  constructor(private readonly region: Region) {
    super();
    region.blocks.forEach(({ start }, index) => this.numbers.set(start, index + 1));
    this.live = needsFlags(region);
  }

  printRegion(): PrintedRegion {
    const { lines, region } = this;
    const R = this.use("R");
    this.use("X");
    lines.push(
      `const RT=X.readTable,WT=X.writeTable,base=${R}[${EIP}]&${~PAGE_MASK};`,
      `let ${GENERAL.map((n) => `r${n}=${R}[${n}]`).join(",")},x=0,s=0;`,
      "out:for(;;)switch(block){",
    );
    region.blocks.forEach((block, index) => this.printBlock(block, index));
    lines.push(
      "}",
      GENERAL.map((n) => `${R}[${n}]=r${n};`).join(""),
      `${R}[${EIP}]=base+x|0;${R}[${LEFT_WORD}]=left;return s|X.fault;`,
    );
    return { body: lines.join("\n"), names: [...this.names], operations: this.operations };
  }

  private printBlock(block: RegionBlock, index: number): void {
    const { lines } = this;
    const count = block.instructions.length;
    this.current = block;
    this.nextStart = this.region.blocks[index + 1]?.start ?? -1;
    this.flags = null;
    this.pending = "";
    lines.push(`case ${index + 1}:{`);
    const loops = block.instructions.some(({ program }) => jumpsTo(program.body, block.start));
    if (loops) lines.push("self:for(;;){");
    lines.push(`left=left-${count}|0;`);
    block.instructions.forEach((instruction, position) => {
      this.instruction = instruction;
      this.remaining = count - position;
      this.prefix = `t${this.serial++}_`;
      this.addresses.clear();
      this.unsure = false;
      this.builds = false;
      this.sequence(instruction.program.body, true);
      if (this.unsure && !instruction.program.terminator) {
        lines.push("if(stopped()){");
        this.way(instruction.end, this.remaining - 1);
        lines.push("}");
      }
    });
    const last = block.instructions[count - 1].program;
    if (!last.terminator) this.goTo(block.end, true);
    if (loops) lines.push("break;}");
    lines.push("}");
  }

  // Ways out and on.

  private store(): void {
    if (this.pending !== "") this.lines.push(`{${this.pending}}`);
  }

  /** Leaves at offset `x`; `back` instructions of the block were not run. */
  private way(x: number | string, back: number): void {
    this.store();
    if (back > 0) this.lines.push(`left=left+${back}|0;`);
    this.lines.push(`x=${x};break out;`);
  }

  /** Leaves at the instruction, before it has changed anything. */
  private before(condition: string): void {
    this.lines.push(`if(${condition}){`);
    this.way(this.instruction.start, this.remaining);
    this.lines.push("}");
  }

  private goTo(offset: number, tail: boolean): void {
    const { lines } = this;
    const number = this.numbers.get(offset);
    if (number === undefined) return this.way(offset, 0);
    // Stored once, before the ways out below.
    if (this.live.get(offset)) this.clean();
    if (this.unsure) {
      lines.push("if(stopped()){");
      this.way(offset, 0);
      lines.push("}");
    }
    const { length } = this.region.blocks[number - 1].instructions;
    lines.push(`if(left<${length}){`);
    this.way(offset, 0);
    lines.push("}");
    if (offset === this.current.start) lines.push("continue self;");
    else if (!tail || offset !== this.nextStart) lines.push(`block=${number};continue out;`);
  }

  /** Goes to an address that is computed: perhaps in this region. */
  private goToComputed(target: string): void {
    const E = this.use("E"), K = this.use("K");
    const sure = this.unsure ? "&&!stopped()" : "";
    this.store();
    this.lines.push(
      `x=${target}-base|0;`,
      `if(x>>>0<4096&&(block=${E}[x])!==0&&left>=${K}[block]${sure})continue out;`,
      "break out;",
    );
  }

  protected override control(s: Statement): void {
    const { lines, instruction } = this;
    switch (s.op) {
      case "if":
        this.branch(s, false);
        break;
      case "loop":
        this.store();
        this.pending = "";
        this.immediate++;
        lines.push("for(;;){");
        this.flags = null;
        this.block(s.body);
        lines.push("}");
        this.flags = null;
        this.immediate--;
        break;
      case "jump":
        this.jump(s, false);
        break;
      case "getEip":
        if (s.offset.op === "const") this.addresses.set(s.temp.id, s.offset.value);
        this.define(s.temp, `base+${this.expression(s.offset)}|0`);
        break;
      case "raise":
        lines.push(
          `s=${this.use("raise")}(${this.expression(s.vector)},${this.expression(s.error)});`,
        );
        if (s.trap) this.way(instruction.end, this.remaining - 1);
        else this.way(instruction.start, this.remaining);
        break;
      case "exit":
        lines.push(`s=${s.reason};`);
        if (s.after) this.way(instruction.end, this.remaining - 1);
        else this.way(instruction.start, this.remaining);
        break;
      default:
        super.control(s);
    }
  }

  /** `tail`: nothing of the block comes behind it, so that control can fall into the next block. */
  private branch(s: Extract<Statement, { op: "if" }>, tail: boolean): void {
    const changing = changesFlags(s.then) || changesFlags(s.else);
    if (changing) {
      this.store();
      this.pending = "";
      this.immediate++;
    }
    this.lines.push(`if(${this.expression(s.condition)}){`);
    this.side(s.then, tail);
    if (s.else.length > 0) {
      this.lines.push("}else{");
      this.side(s.else, tail);
    }
    this.lines.push("}");
    if (changing) {
      this.immediate--;
      this.flags = null;
    }
  }

  private side(statements: readonly Statement[], tail: boolean): void {
    const { flags, pending } = this;
    this.sequence(statements, tail);
    this.flags = flags;
    this.pending = pending;
  }

  private sequence(statements: readonly Statement[], tail: boolean): void {
    statements.forEach((statement, at) => {
      const last = tail && at === statements.length - 1;
      if (last && statement.op === "if") this.branch(statement, true);
      else if (last && statement.op === "jump") this.jump(statement, true);
      else this.statement(statement);
    });
  }

  private jump({ target }: Extract<Statement, { op: "jump" }>, tail: boolean): void {
    const known = target.op === "temp" ? this.addresses.get(target.id) : undefined;
    if (known !== undefined) this.goTo(known, tail);
    else this.goToComputed(this.expression(target));
  }

  // Registers.

  protected override statement(s: Statement): void {
    if (s.op === "getRegister") {
      this.define(s.temp, this.registerText(s.width, numberOf(s.index)));
    } else if (s.op === "setRegister") {
      this.setRegister(s.width, numberOf(s.index), this.expression(s.value));
    } else if (s.op === "operation") {
      this.operation(s);
    } else super.statement(s);
  }

  private registerText(width: number, index: number): string {
    if (width === 32) return `r${index}`;
    if (width === 16) return `r${index >> 1}<<16>>16`;
    return `r${index >> 2}<<${24 - 8 * (index & 3)}>>24`;
  }

  private setRegister(width: number, index: number, value: string): void {
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
    if (numbers.length > 0) this.lines.push(numbers.map((n) => `r${n}=R[${n}];`).join(""));
  }

  private operation(s: Extract<Statement, { op: "operation" }>): void {
    const { binding } = this.instruction;
    const reads = binding?.readsGeneral ?? 255, writes = binding?.writesGeneral ?? 255;
    const name = this.use(`op${this.operations.length}`);
    this.operations.push(s.operation);
    const values = s.values.map((value) => this.expression(value)).join(",");
    // What it writes is written out too: it need not write all of it.
    this.registersOut(GENERAL.filter((n) => ((reads | writes) >> n & 1) !== 0));
    this.define(s.temp, `${name}(${this.use("C")},${values})`);
    const temp = this.prefix + s.temp.id;
    this.lines.push(`if(${temp}>0){s=${this.use("raise")}(${temp},0);`);
    this.way(this.instruction.start, this.remaining);
    this.lines.push("}");
    this.registersIn(GENERAL.filter((n) => (writes >> n & 1) !== 0));
  }

  protected override call(s: Extract<Statement, { op: "call" }>): void {
    const effects = HELPERS[s.helper];
    if (s.helper === "getCarryBit" && s.temp !== null) {
      const text = this.flags === null ? null : carryText(
        this.flags,
        (e) => this.expression(e, this.flagsPrefix),
      );
      if (text !== null) return this.define(s.temp, text);
    }
    if (this.defer(s)) return;
    if (s.helper === "getFlags" || s.helper === "getCarryBit") this.clean();
    const registers = HELPER_REGISTERS[s.helper] ?? [];
    this.registersOut(registers);
    const values = s.values.map((value) => this.expression(value)).join(",");
    const text = `${this.use(s.helper)}(${values})`;
    if (s.temp === null) this.lines.push(text + ";");
    else this.define(s.temp, text);
    if (effects.faults) this.before(`${this.use("stopped")}()`);
    else if (effects.touchesCode) {
      this.use("stopped");
      this.unsure = true;
    }
    this.registersIn(registers);
    if (s.helper === "setFlagsWord") {
      this.flags = null;
      this.pending = "";
    }
  }

  // Flags.

  /**
   * Rotates, CLC and their kind change some flags and keep the others: reading the old ones and setting the
   * new ones then waits until somebody looks, as everything that is pending.
   */
  private defer(s: Extract<Statement, { op: "call" }>): boolean {
    if (this.immediate > 0) return false;
    const { body } = this.instruction.program;
    if (s.helper === "getFlags" && s.temp !== null && onlySetsFlags(body, s.temp.id)) {
      if (this.pending.length > MAXIMUM_PENDING) this.clean();
      this.builds = true;
      this.pending += `const ${this.prefix}${s.temp.id}=${this.use("getFlags")}();`;
      return true;
    }
    if (s.helper !== "setFlagsWord" || !body.includes(s)) return false;
    if (!this.builds) this.pending = "";
    this.pending += `${this.use("setFlagsWord")}(${this.expression(s.values[0])});`;
    this.flags = null;
    return true;
  }

  private clean(): void {
    this.store();
    this.pending = "";
  }

  protected override setFlags(s: Extract<Statement, { op: "setFlags" }>): void {
    this.flags = s;
    this.flagsPrefix = this.prefix;
    this.pending = flagStores(s, (e) => this.expression(e));
    if (this.immediate > 0) this.clean();
  }

  protected override condition(code: number): string {
    const known = this.flags === null ? null : this.knownCondition(code >> 1, this.flags);
    if (known === null) this.clean();
    return super.condition(code);
  }

  // Memory.

  protected override memory(
    s: Extract<Statement, { op: "load" | "store" | "reserve" | "getPlace" | "setPlace" }>,
  ): void {
    if (s.op === "getPlace" || s.op === "setPlace") return super.memory(s);
    const { lines } = this;
    const { width } = s;
    const shift = INDEX_SHIFT[width], aligned = ALIGNED[width];
    const array = this.use(`M${width}`);
    const at = `(e&-4096|a&4095)${shift}`;
    const check = () => this.before(`${this.use("stopped")}()`);
    const address = this.expression(s.address);
    if (s.op === "load") {
      const temp = this.prefix + s.temp.id;
      lines.push(
        `let ${temp}=0;{const a=${address},e=RT[a>>>12];`,
        `if(${aligned}(e&1)!==0)${temp}=${array}[${at}];`,
        `else{${temp}=${this.use(`load${width}`)}(a);`,
      );
      if (!s.reserved) check();
      lines.push("}}");
    } else if (s.op === "store") {
      const value = this.expression(s.value);
      lines.push(
        `{const a=${address},e=WT[a>>>12];`,
        `if(${aligned}(e&1)!==0)${array}[${at}]=${value};else{`,
      );
      if (!s.reserved) {
        lines.push(`${this.use(`reserve${width}`)}(a);`);
        check();
      }
      lines.push(`${this.use(`store${width}`)}(a,${value});}}`);
    } else {
      const place = `${this.prefix}p${s.place}`;
      lines.push(
        `let ${place}=0;{const a=${address},e=WT[a>>>12];`,
        `if(${aligned}(e&1)!==0)${place}=${at};`,
        `else{${place}=${this.use(`reserve${width}`)}(a);`,
      );
      check();
      lines.push("}}");
    }
  }
}

function numberOf(index: { readonly op: string }): number {
  if (index.op === "const") return (index as { op: "const"; value: number }).value;
  throw new Error(
    `region printer: expected a constant register number, got ${index.op}; use literalForm`,
  );
}

function changesFlags(statements: readonly Statement[]): boolean {
  return statements.some((s) =>
    s.op === "setFlags" || (s.op === "call" && s.helper === "setFlagsWord") ||
    (s.op === "if" && (changesFlags(s.then) || changesFlags(s.else))) ||
    (s.op === "loop" && changesFlags(s.body))
  );
}

/** Whether a jump to the code at `offset` may stand in there. */
function jumpsTo(statements: readonly Statement[], offset: number): boolean {
  return statements.some((s) =>
    (s.op === "getEip" && s.offset.op === "const" && s.offset.value === offset) ||
    (s.op === "if" && (jumpsTo(s.then, offset) || jumpsTo(s.else, offset))) ||
    (s.op === "loop" && jumpsTo(s.body, offset))
  );
}
