/**
 * Writes the statements of a program of the IR, one method each: what they mean is in ir.ts. The base of what
 * semantic functions are given (builder.ts), which knows the instruction's operands as well.
 */

import { constant, typeOf, ZERO } from "./expression.ts";
import type {
  Expression,
  FlagKind,
  HelperName,
  MemoryWidth,
  Program,
  Statement,
  Temp,
  Type,
  View,
  Width,
} from "./ir.ts";
import type { Operation } from "./operation.ts";
import { registerIndex } from "./shape.ts";

/** Something that is read and then written. */
export interface Target {
  readonly value: Temp;
  write(value: Expression): void;
}

export class StatementBuilder {
  private statements: Statement[] = [];
  private temps = 0;
  private places = 0;
  private terminator = false;

  program(): Program {
    return { body: this.statements, terminator: this.terminator };
  }

  private temp(type: Type = "i32"): Temp {
    return { op: "temp", id: this.temps++, type };
  }

  private nested(body: () => void): Statement[] {
    const outer = this.statements;
    const inner: Statement[] = this.statements = [];
    body();
    this.statements = outer;
    return inner;
  }

  // Temporaries and control inside of the instruction.

  let(value: Expression): Temp {
    const temp = this.temp(typeOf(value));
    this.statements.push({ op: "let", temp, value });
    return temp;
  }

  assign(temp: Temp, value: Expression): void {
    this.statements.push({ op: "assign", temp, value });
  }

  if(condition: Expression, then: () => void, otherwise?: () => void): void {
    this.statements.push({
      op: "if",
      condition,
      then: this.nested(then),
      else: otherwise === undefined ? [] : this.nested(otherwise),
    });
  }

  loop(body: () => void): void {
    this.statements.push({ op: "loop", body: this.nested(body) });
  }

  break(): void {
    this.statements.push({ op: "break" });
  }

  // State.

  /** The general register with this number. */
  register(number: number, width: Width = 32): Temp {
    return this.getRegister(width, constant(registerIndex(number, width / 8)));
  }

  setRegister(number: number, value: Expression, width: Width = 32): void {
    this.putRegister(width, constant(registerIndex(number, width / 8)), value);
  }

  getRegister(width: Width, index: Expression): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getRegister", temp, width, index });
    return temp;
  }

  putRegister(width: Width, index: Expression, value: Expression): void {
    this.statements.push({ op: "setRegister", width, index, value });
  }

  word(word: number): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getWord", temp, word });
    return temp;
  }

  setWord(word: number, value: Expression): void {
    this.statements.push({ op: "setWord", word, value, scratch: false });
  }

  /** As setWord, for a scratch word of the engine. */
  setScratch(word: number, value: Expression): void {
    this.statements.push({ op: "setWord", word, value, scratch: true });
  }

  part(view: View, index: Expression): Temp {
    const temp = this.temp(view === "word" ? "i32" : "f64");
    this.statements.push({ op: "getPart", temp, view, index });
    return temp;
  }

  setPart(view: View, index: Expression, value: Expression): void {
    this.statements.push({ op: "setPart", view, index, value, scratch: false });
  }

  /** As setPart, for the buffer of operations. */
  setScratchPart(view: View, index: number, value: Expression): void {
    this.statements.push({
      op: "setPart",
      view,
      index: constant(index),
      value,
      scratch: true,
    });
  }

  // Memory. Addresses are linear.

  load(width: MemoryWidth, address: Expression): Temp {
    const temp = this.temp(width === 64 ? "f64" : "i32");
    this.statements.push({ op: "load", temp, width, address, reserved: false });
    return temp;
  }

  store(width: MemoryWidth, address: Expression, value: Expression): void {
    this.statements.push({ op: "store", width, address, value, reserved: false });
  }

  /** A load that an earlier `checkRange` has made safe. */
  loadReserved(width: MemoryWidth, address: Expression): Temp {
    const temp = this.temp(width === 64 ? "f64" : "i32");
    this.statements.push({ op: "load", temp, width, address, reserved: true });
    return temp;
  }

  /** A store that an earlier `reserveRange` has made safe. */
  storeReserved(width: MemoryWidth, address: Expression, value: Expression): void {
    this.statements.push({ op: "store", width, address, value, reserved: true });
  }

  /** Memory that is read now and written later: faults now if either is impossible. */
  modify(width: Width, address: Expression): Target {
    const at = this.let(address);
    const place = this.places++;
    const value = this.temp();
    this.statements.push({ op: "reserve", place, width, address: at });
    this.statements.push({ op: "getPlace", temp: value, place, width, address: at });
    return {
      value,
      write: (result) =>
        this.statements.push({ op: "setPlace", place, width, address: at, value: result }),
    };
  }

  /** Memory that is written later: faults now if that is impossible. Returns what writes it. */
  reserve(width: MemoryWidth, address: Expression): (value: Expression) => void {
    const at = this.let(address);
    const place = this.places++;
    this.statements.push({ op: "reserve", place, width, address: at });
    return (value) => this.statements.push({ op: "setPlace", place, width, address: at, value });
  }

  // Flags.

  setFlags(
    kind: FlagKind,
    a: Expression,
    b: Expression,
    result: Expression,
    carry: Expression = ZERO,
  ): void {
    this.statements.push({ op: "setFlags", kind, a, b, result, carry });
  }

  /** Condition code 0..15 as bool. */
  condition(code: number): Temp {
    const temp = this.temp("bool");
    this.statements.push({ op: "getCondition", temp, code });
    return temp;
  }

  // Helpers of cpu/runtime.ts.

  call(helper: HelperName, ...values: Expression[]): Temp {
    const temp = this.temp();
    this.statements.push({ op: "call", temp, helper, values });
    return temp;
  }

  perform(helper: HelperName, ...values: Expression[]): void {
    this.statements.push({ op: "call", temp: null, helper, values });
  }

  /** Runs an x87, MMX or SSE operation; the result is OPERATION_NO_STORE or 0. */
  operation(operation: Operation, values: readonly Expression[]): Temp {
    const temp = this.temp();
    this.statements.push({ op: "operation", temp, operation, values });
    return temp;
  }

  // Ways out.

  /** The address of this instruction plus `offset`. */
  protected codeAddress(offset: Expression): Temp {
    const temp = this.temp();
    this.statements.push({ op: "getEip", temp, offset });
    return temp;
  }

  jump(target: Expression): void {
    this.terminator = true;
    this.statements.push({ op: "jump", target });
  }

  exit(reason: number, after: boolean): void {
    this.terminator = true;
    this.statements.push({ op: "exit", reason, after });
  }

  fault(vector: number | Expression, error: Expression = ZERO): void {
    const number = typeof vector === "number" ? constant(vector) : vector;
    this.statements.push({ op: "raise", vector: number, error, trap: false });
  }

  trap(vector: number): void {
    this.terminator = true;
    this.statements.push({ op: "raise", vector: constant(vector), error: ZERO, trap: true });
  }
}
