/**
 * Where control goes after an instruction, read off its program in the IR, so that a walk over code needs
 * no table of its own: neither of branches nor of what this processor refuses to do.
 *
 * Instructions of one form share the answer, which holds for every state of the processor.
 */

import { EXIT_TERMINATE, X86_GP } from "./engine.ts";
import type { Instruction } from "./instruction.ts";
import type { Expression, Statement } from "./ir.ts";
import { programOf } from "./semantics/table.ts";
import { END_WORD, FIRST_SLOT, type Shape, shapeOf } from "./shape.ts";

/** The value of `Outcome.fault` if there is no such fault. */
export const NO_FAULT = -1;

export interface Outcome {
  /** The vector of the fault that it raises in every state, or NO_FAULT. */
  readonly fault: number;
  /** It raises #GP with a selector as error code in some states: it loads a segment register. */
  readonly selectorFault: boolean;
  /** Control can come to the next instruction: at once, after a call, or from an exception handler. */
  readonly continues: boolean;
  /** Control can go to the target of its relative operand. */
  readonly branches: boolean;
}

/** Makes the function that tells the outcome of instructions; it remembers each form that it met. */
export function createOutcomes(): (instruction: Instruction) => Outcome {
  const known = new Map<string, Outcome>();
  return (instruction) => {
    const shape = shapeOf(instruction);
    let outcome = known.get(shape.key);
    if (outcome === undefined) known.set(shape.key, outcome = analyse(shape));
    return outcome;
  };
}

interface Mutable {
  fault: number;
  selectorFault: boolean;
  continues: boolean;
  branches: boolean;
}

function analyse({ form, relative }: Shape): Outcome {
  const program = programOf(form);
  const outcome: Mutable = {
    fault: NO_FAULT,
    selectorFault: false,
    continues: !program.terminator,
    branches: false,
  };
  readStatements(program.body, relative, true, outcome);
  return outcome;
}

function readStatements(
  body: readonly Statement[],
  relative: number,
  always: boolean,
  outcome: Mutable,
): void {
  for (const statement of body) {
    switch (statement.op) {
      case "getEip":
        // Whoever computes the next address jumps there, pushes it, or leaves it to the kernel.
        if (isSlot(statement.offset, END_WORD)) outcome.continues = true;
        if (relative >= 0 && isSlot(statement.offset, FIRST_SLOT + relative)) {
          outcome.branches = true;
        }
        break;
      case "exit":
        if (statement.after && statement.reason !== EXIT_TERMINATE) outcome.continues = true;
        break;
      case "raise":
        readRaise(statement, always, outcome);
        break;
      case "if":
        readStatements(statement.then, relative, false, outcome);
        readStatements(statement.else, relative, false, outcome);
        break;
      case "loop":
        readStatements(statement.body, relative, false, outcome);
        break;
    }
  }
}

function readRaise(
  { vector, error, trap }: Extract<Statement, { op: "raise" }>,
  always: boolean,
  outcome: Mutable,
): void {
  if (trap) {
    outcome.continues = true;
  } else if (vector.op === "const") {
    if (always && outcome.fault === NO_FAULT) outcome.fault = vector.value;
    if (!always && vector.value === X86_GP && error.op !== "const") outcome.selectorFault = true;
  }
}

function isSlot(expression: Expression, slot: number): boolean {
  return expression.op === "slot" && expression.slot === slot;
}
