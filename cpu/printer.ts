/**
 * Prints a program of the IR as the JavaScript of an evaluator handler.
 *
 * A handler is `(p) => number`: p is where the instruction's numbers stand in the operand array, the
 * result is STEP_NEXT, STEP_LEAVE, or EXIT_* (with STEP_AFTER if the instruction is complete).
 *
 * The text consists of this file's fixed vocabulary, the names in HELPERS and CONDITION_NAMES, and
 * integers. Nothing that a guest chose gets into it: its numbers stay in the operand array. Free names are
 * properties of the environment that cpu/runtime.ts makes:
 *
 *     R B W F D     the processor state as int32, int8, int16, float32, float64
 *     M32 M8 M16 V       the pool; V is for doubles, which may lie anywhere
 *     LEAST32 ...   bounds of floating-point formats
 *     O             the operand array
 *     X             what changes from run to run: page tables, pending fault
 */

import { knownCondition, orderText } from "./condition_text.ts";
import { ExpressionPrinter } from "./expression_printer.ts";
import type { MemoryWidth, Program, Statement, View, Width } from "./ir.ts";
import { HELPERS } from "./ir.ts";
import {
  CONDITION_NAMES,
  FLAG_KIND_CODE,
  LAZY_A,
  LAZY_B,
  LAZY_CARRY,
  LAZY_KIND,
  LAZY_RESULT,
} from "./flags.ts";
import { EIP } from "./state.ts";
import type { Operation } from "./operation.ts";

/** The next instruction of the block may run. For a terminator: EIP is set. */
export const STEP_NEXT = 0;
/** As STEP_NEXT, but the code of this block has been changed: leave it. */
export const STEP_LEAVE = 8;
/** Added to EXIT_*: EIP becomes the next instruction. */
export const STEP_AFTER = 16;

/** A printed handler: the text of a function body with parameter `p`, and the free names in it. */
export interface PrintedHandler {
  readonly body: string;
  readonly names: readonly string[];
  /** Values of the names op0, op1 ... */
  readonly operations: readonly Operation[];
}

const REGISTER_ARRAYS: Record<Width, string> = { 8: "B", 16: "W", 32: "R" };
const PART_ARRAYS: Record<View, string> = { word: "R", single: "F", double: "D" };
/** A condition on the address `a` before the fast path: aligned, or for doubles, all in one page. */
const SIMPLE: Record<MemoryWidth, string> = {
  8: "",
  16: "(a&1)===0&&",
  32: "(a&3)===0&&",
  64: "(a&4095)<4089&&",
};
/** What a byte offset in the pool becomes to be a place: an index of the view, or for doubles itself. */
const PLACE: Record<MemoryWidth, string> = { 8: "|0", 16: ">>1", 32: ">>2", 64: "|0" };

export function placeText(width: MemoryWidth, at: string): string {
  return at + PLACE[width];
}

/**
 * The result of a call as a number of known type. V8 does not see what a call returns; without this, a variable that
 * holds it on one of several ways is a tagged value on all of them.
 */
export function known(width: MemoryWidth, call: string): string {
  return width === 64 ? call : `${call}|0`;
}

/** Prints programs that run one after the other: one instruction, or a fused pair. */
export function printHandler(programs: readonly Program[]): PrintedHandler {
  return new HandlerPrinter().print(programs);
}

/** Also the base of what prints regions: cpu/translator/region_printer.ts. */
export class HandlerPrinter extends ExpressionPrinter {
  protected readonly operations: Operation[] = [];
  protected lines: string[] = [];
  protected leaves = false;
  /** What the flags follow from, while it is known: the last setFlags of the straight line. */
  protected flags: Extract<Statement, { op: "setFlags" }> | null = null;
  protected flagsPrefix = "t";

  print(programs: readonly Program[]): PrintedHandler {
    this.leaves = programs.some((program) => mayLeave(program.body));
    if (this.leaves) this.lines.push("let leave=0;");
    programs.forEach((program, number) => {
      this.slotBase = number * 8;
      this.prefix = number === 0 ? "t" : "u";
      this.block(program.body);
    });
    this.lines.push(this.done());
    return {
      body: this.lines.join("\n"),
      names: [...this.names],
      operations: this.operations,
    };
  }

  protected done(): string {
    return this.leaves ? "return leave;" : "return 0;";
  }

  protected block(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  protected nested(statements: readonly Statement[]): void {
    const before = this.flags;
    this.block(statements);
    this.flags = before;
  }

  protected statement(s: Statement): void {
    const { lines } = this;
    switch (s.op) {
      case "let":
        lines.push(`let ${this.prefix}${s.temp.id}=${this.expression(s.value)};`);
        break;
      case "assign":
        lines.push(`${this.prefix}${s.temp.id}=${this.expression(s.value)};`);
        break;
      case "getRegister":
        this.define(s.temp, `${this.use(REGISTER_ARRAYS[s.width])}[${this.expression(s.index)}]`);
        break;
      case "setRegister":
        lines.push(
          `${this.use(REGISTER_ARRAYS[s.width])}[${this.expression(s.index)}]=${
            this.expression(s.value)
          };`,
        );
        break;
      case "getWord":
        this.define(s.temp, `${this.use("R")}[${s.word}]`);
        break;
      case "setWord":
        lines.push(`${this.use("R")}[${s.word}]=${this.expression(s.value)};`);
        break;
      case "getPart":
        this.define(s.temp, `${this.use(PART_ARRAYS[s.view])}[${this.expression(s.index)}]`);
        break;
      case "setPart":
        lines.push(
          `${this.use(PART_ARRAYS[s.view])}[${this.expression(s.index)}]=${
            this.expression(s.value)
          };`,
        );
        break;
      case "load":
      case "store":
      case "reserve":
      case "getPlace":
      case "setPlace":
        this.memory(s);
        break;
      case "setFlags":
        this.setFlags(s);
        break;
      case "getCondition":
        this.define(s.temp, this.condition(s.code));
        break;
      case "call":
        this.call(s);
        break;
      case "operation": {
        const name = this.use(`op${this.operations.length}`);
        this.operations.push(s.operation);
        const values = s.values.map((value) => this.expression(value)).join(",");
        this.define(s.temp, `${name}(${this.use("C")},${values})`);
        lines.push(
          `if(${this.prefix}${s.temp.id}>0)return ${
            this.use("raise")
          }(${this.prefix}${s.temp.id},0);`,
        );
        break;
      }
      default:
        this.control(s);
    }
  }

  protected control(s: Statement): void {
    const { lines } = this;
    switch (s.op) {
      case "if":
        lines.push(`if(${this.expression(s.condition)}){`);
        this.nested(s.then);
        if (s.else.length > 0) {
          lines.push("}else{");
          this.nested(s.else);
        }
        lines.push("}");
        this.flags = null;
        break;
      case "loop":
        lines.push("for(;;){");
        this.flags = null;
        this.nested(s.body);
        this.flags = null;
        lines.push("}");
        break;
      case "break":
        lines.push("break;");
        break;
      case "jump":
        lines.push(`${this.use("R")}[${EIP}]=${this.expression(s.target)};`, "return 0;");
        break;
      case "getEip":
        this.define(s.temp, `${this.use("R")}[${EIP}]+${this.expression(s.offset)}|0`);
        break;
      case "raise": {
        const values = `${this.expression(s.vector)},${this.expression(s.error)}`;
        lines.push(`return ${this.use("raise")}(${values})${s.trap ? `|${STEP_AFTER}` : ""};`);
        break;
      }
      case "exit":
        lines.push(`return ${s.reason | (s.after ? STEP_AFTER : 0)};`);
        break;
    }
  }

  protected define(temp: { readonly id: number }, text: string): void {
    this.lines.push(`let ${this.prefix}${temp.id}=${text};`);
  }

  /** What the pool holds at a place. A double may lie anywhere, often at a multiple of 4. */
  protected poolLoad(width: MemoryWidth, place: string): string {
    return width === 64
      ? `${this.use("V")}.getFloat64(${place},true)`
      : `${this.use(`M${width}`)}[${place}]`;
  }

  protected poolStore(width: MemoryWidth, place: string, value: string): string {
    return width === 64
      ? `${this.use("V")}.setFloat64(${place},${value},true)`
      : `${this.use(`M${width}`)}[${place}]=${value}`;
  }

  protected memory(
    s: Extract<Statement, { op: "load" | "store" | "reserve" | "getPlace" | "setPlace" }>,
  ): void {
    const { lines } = this;
    const { width } = s;
    const at = placeText(width, "(e&-4096|a&4095)");
    const fast = `${SIMPLE[width]}(e&1)!==0`;
    const reserved = (s.op === "load" || s.op === "store") && s.reserved;
    this.use("X");
    const fault = reserved ? "" : "if(X.fault!==0)return X.fault;";
    switch (s.op) {
      case "load": {
        const temp = this.prefix + s.temp.id;
        lines.push(
          `let ${temp};{const a=${this.expression(s.address)},e=X.readTable[a>>>12];`,
          `if(${fast})${temp}=${this.poolLoad(width, at)};`,
          `else{${temp}=${known(width, `${this.use(`load${width}`)}(a)`)};${fault}}}`,
        );
        break;
      }
      case "store":
        lines.push(
          `{const a=${this.expression(s.address)},e=X.writeTable[a>>>12];`,
          `if(${fast})${this.poolStore(width, at, this.expression(s.value))};`,
          `else{${this.use(`store${width}`)}(a,${
            this.expression(s.value)
          });${fault}leave=X.leave;}}`,
        );
        break;
      case "reserve":
        lines.push(
          `let ${this.prefix}p${s.place};{const a=${
            this.expression(s.address)
          },e=X.writeTable[a>>>12];`,
          `if(${fast})${this.prefix}p${s.place}=${at};`,
          `else{${this.prefix}p${s.place}=${
            this.use(`reserve${width}`)
          }(a)|0;${fault}leave=X.leave;}}`,
        );
        break;
      case "getPlace": {
        const place = `${this.prefix}p${s.place}`;
        this.define(
          s.temp,
          `${place}>=0?${this.poolLoad(width, place)}:${
            known(width, `${this.use(`load${width}`)}(${this.expression(s.address)})`)
          }`,
        );
        break;
      }
      case "setPlace": {
        const place = `${this.prefix}p${s.place}`;
        const value = this.expression(s.value);
        lines.push(
          `if(${place}>=0)${this.poolStore(width, place, value)};`,
          `else ${this.use(`store${width}`)}(${this.expression(s.address)},${value});`,
        );
        break;
      }
    }
  }

  protected setFlags(s: Extract<Statement, { op: "setFlags" }>): void {
    const R = this.use("R");
    this.flags = s;
    this.flagsPrefix = this.prefix;
    const { kind } = s;
    const set = (word: number, value: string) => `${R}[${word}]=${value};`;
    let text = set(LAZY_KIND, String(FLAG_KIND_CODE[kind]));
    if (kind === "order") {
      text += set(LAZY_A, orderText(this.expression(s.a), this.expression(s.b)));
      this.lines.push(text);
      return;
    }
    text += set(LAZY_A, this.expression(s.a));
    if (kind !== "explicit") text += set(LAZY_RESULT, this.expression(s.result));
    if (kind !== "explicit" && kind !== "partial") text += set(LAZY_B, this.expression(s.b));
    if (kind === "inc" || kind === "dec") text += set(LAZY_CARRY, this.expression(s.carry));
    this.lines.push(text);
  }

  protected condition(code: number): string {
    const known = this.flags === null ? null : this.knownCondition(code >> 1, this.flags);
    const text = known ?? `${this.use(CONDITION_NAMES[code >> 1])}(${this.use("R")})`;
    return code & 1 ? `!(${text})` : text;
  }

  /** A condition straight from the operands of the comparison before it. */
  protected knownCondition(
    pair: number,
    flags: Extract<Statement, { op: "setFlags" }>,
  ): string | null {
    return knownCondition(pair, flags, (e) => this.expression(e, this.flagsPrefix));
  }

  protected call(s: Extract<Statement, { op: "call" }>): void {
    const effects = HELPERS[s.helper];
    const text = `${this.use(s.helper)}(${
      s.values.map((value) => this.expression(value)).join(",")
    })`;
    if (s.temp === null) this.lines.push(text + ";");
    else this.define(s.temp, text + "|0");
    if (effects.faults) this.lines.push(`if(${this.use("X")}.fault!==0)return X.fault;`);
    if (effects.touchesCode) this.lines.push(`leave=${this.use("X")}.leave;`);
    if (effects.changes) this.flags = null;
  }
}

function mayLeave(statements: readonly Statement[]): boolean {
  return statements.some((s) =>
    s.op === "store" || s.op === "reserve" || (s.op === "call" && HELPERS[s.helper].touchesCode) ||
    (s.op === "if" && (mayLeave(s.then) || mayLeave(s.else))) ||
    (s.op === "loop" && mayLeave(s.body))
  );
}
