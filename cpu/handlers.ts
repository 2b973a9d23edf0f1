/**
 * The evaluator's handlers: one compiled function for each form of instruction, made when the form is
 * first met and then shared by all instructions of the form in all VMs.
 */

import { type Environment } from "./runtime.ts";
import type { Operation } from "./operation.ts";
import { printHandler } from "./printer.ts";
import { programOf } from "./semantics/table.ts";
import { END_WORD, type Form } from "./shape.ts";
import type { Program } from "./ir.ts";

/** Runs the instruction whose numbers stand at `position` in the operand array: see printer.ts. */
export type Handler = (position: number) => number;

/** A form that has been met. */
export interface CompiledForm {
  /** Index in `HandlerTable.handlers`. */
  readonly index: number;
  readonly program: Program;
  readonly key: string;
  /** Its last statement sets the flags, which the next instruction can then take over. */
  readonly setsFlagsLast: boolean;
  readonly isConditionalJump: boolean;
}

/**
 * Handlers that are kept by default, a few kilobytes each. All guests here together need less than a thousand; a
 * hostile one can make up hundreds of thousands of forms, so there is a bound.
 */
export const HANDLERS_MAXIMUM = 8192;

export class HandlerTable {
  readonly handlers: Handler[] = [];
  private readonly forms = new Map<string, CompiledForm>();
  private readonly pairs = new Map<string, number>();

  /** The pseudo-instruction at the end of a block without a branch: EIP becomes the next address. */
  readonly fallThrough = 0;

  constructor(
    private readonly environment: Environment,
    private readonly maximum: number = HANDLERS_MAXIMUM,
    private readonly emitted: (source: string) => void = () => {},
  ) {
    this.clear();
  }

  /** True if there are as many as are kept: `clear` before the next block is built. */
  get full(): boolean {
    return this.handlers.length >= this.maximum;
  }

  /** Forgets all handlers; no block that was built with them may run again. */
  clear(): void {
    this.handlers.length = 0;
    this.forms.clear();
    this.pairs.clear();
    const offset = { op: "slot", slot: END_WORD } as const;
    const temp = { op: "temp", id: 0, type: "i32" } as const;
    this.add("fallthrough", [{
      body: [{ op: "getEip", temp, offset }, { op: "jump", target: temp }],
      terminator: true,
    }]);
  }

  /** The handler of a form. `key` and `form` are of `shapeOf`. */
  get(key: string, form: Form): CompiledForm {
    const known = this.forms.get(key);
    if (known !== undefined) return known;
    const program = programOf(form);
    const index = this.add(form.mnemonic, [program]);
    const { body } = program;
    const compiled = {
      index,
      program,
      key,
      setsFlagsLast: body[body.length - 1]?.op === "setFlags",
      // INTO begins with a condition too, but its way out needs its own address.
      isConditionalJump: body[0]?.op === "getCondition" && form.mnemonic.startsWith("j"),
    };
    this.forms.set(key, compiled);
    return compiled;
  }

  /** One handler for two instructions in a row; returns its index. */
  getPair(first: CompiledForm, second: CompiledForm): number {
    const key = `${first.key}+${second.key}`;
    let index = this.pairs.get(key);
    if (index === undefined) {
      index = this.add("pair", [first.program, second.program]);
      this.pairs.set(key, index);
    }
    return index;
  }

  private add(name: string, programs: readonly Program[]): number {
    const { source, operations } = print(name, programs);
    this.emitted(source);
    const make = new Function("environment", "operations", source);
    this.handlers.push(make(this.environment, operations));
    return this.handlers.length - 1;
  }
}

/** `name` (a mnemonic: it comes from the decoder's tables) shows up in profiles. */
function print(
  name: string,
  programs: readonly Program[],
): { source: string; operations: readonly Operation[] } {
  const printed = printHandler(programs);
  const names = printed.names.filter((free) => !free.startsWith("op"));
  const operations = printed.operations.map((_, number) => `op${number}`);
  const source = `"use strict";
const {${names.join(",")}}=environment;
const [${operations.join(",")}]=operations;
return function ${/^[a-z0-9]+$/.test(name) ? name + "_" : "handler"}(p){
${printed.body}
};`;
  return { source, operations: printed.operations };
}
