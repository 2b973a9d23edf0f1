/**
 * Checks what every program of the IR must keep to, so that a faulting instruction can be run again:
 *
 *  1. Nothing that can fault comes after a change of registers, flags or memory.
 *  2. A loop begins with nothing changed, and each turn of it leaves a state to go on from (string
 *     instructions: EIP is still at them).
 *  3. Only a place that was reserved is read or written through, and no temporary is used before it is
 *     defined.
 */

import { type Expression, HELPERS, type Program, type Statement } from "./ir.ts";

interface Scope {
  readonly temps: ReadonlySet<number>;
  readonly places: ReadonlySet<number>;
}

/** Returns what is wrong with the program, or "". */
export function checkProgram(program: Program): string {
  try {
    walk(program.body, false, { temps: new Set(), places: new Set() });
    return "";
  } catch (error) {
    if (error instanceof ProgramError) return error.message;
    throw error;
  }
}

class ProgramError extends Error {}

/** Whether `statement` can end the instruction without completing it. */
function canFault(statement: Statement): boolean {
  switch (statement.op) {
    case "load":
    case "store":
      return !statement.reserved;
    case "reserve":
    case "operation":
      return true;
    case "call":
      return HELPERS[statement.helper].faults;
    case "raise":
      return !statement.trap;
    case "exit":
      return !statement.after;
    default:
      return false;
  }
}

function changes(statement: Statement): boolean {
  switch (statement.op) {
    case "setRegister":
    case "setPlace":
    case "setFlags":
    case "store":
    case "operation":
      return true;
    case "setWord":
    case "setPart":
      return !statement.scratch;
    case "call":
      return HELPERS[statement.helper].changes;
    default:
      return false;
  }
}

/** Control does not go on behind it. */
function leaves(statements: readonly Statement[]): boolean {
  const last = statements[statements.length - 1];
  if (last === undefined) return false;
  if (last.op === "if") return leaves(last.then) && leaves(last.else);
  return last.op === "jump" || last.op === "raise" || last.op === "exit" || last.op === "break";
}

/** Returns whether something has changed behind the last statement. */
function walk(statements: readonly Statement[], before: boolean, outer: Scope): boolean {
  const temps = new Set(outer.temps), places = new Set(outer.places);
  const scope = { temps, places };
  let changed = before;
  for (const statement of statements) {
    for (const expression of expressionsOf(statement)) checkTemps(expression, temps);
    if (changed && canFault(statement)) {
      throw new ProgramError(`${statement.op} can fault after the state has changed`);
    }
    if (statement.op === "if") {
      const then = walk(statement.then, changed, scope);
      const otherwise = walk(statement.else, changed, scope);
      changed = (then && !leaves(statement.then)) || (otherwise && !leaves(statement.else)) ||
        (changed && !leaves(statement.then));
    } else if (statement.op === "loop") {
      if (changed) throw new ProgramError("a loop begins after the state has changed");
      walk(statement.body, false, scope);
      changed = true;
    } else {
      if (statement.op === "reserve") places.add(statement.place);
      if (
        (statement.op === "getPlace" || statement.op === "setPlace") && !places.has(statement.place)
      ) {
        throw new ProgramError(`${statement.op} of a place that was not reserved`);
      }
      if ("temp" in statement && statement.temp !== null) temps.add(statement.temp.id);
      changed ||= changes(statement);
    }
  }
  return changed;
}

function expressionsOf(statement: Statement): readonly Expression[] {
  switch (statement.op) {
    case "let":
    case "assign":
    case "setWord":
      return [statement.value];
    case "getRegister":
    case "getPart":
      return [statement.index];
    case "setRegister":
    case "setPart":
      return [statement.index, statement.value];
    case "load":
    case "reserve":
    case "getPlace":
      return [statement.address];
    case "store":
    case "setPlace":
      return [statement.address, statement.value];
    case "setFlags":
      return [statement.a, statement.b, statement.result, statement.carry];
    case "call":
    case "operation":
      return statement.values;
    case "if":
      return [statement.condition];
    case "jump":
      return [statement.target];
    case "getEip":
      return [statement.offset];
    case "raise":
      return [statement.vector, statement.error];
    default:
      return [];
  }
}

function checkTemps(expression: Expression, defined: ReadonlySet<number>): void {
  switch (expression.op) {
    case "temp":
      if (!defined.has(expression.id)) {
        throw new ProgramError(`temporary ${expression.id} is used before it is defined`);
      }
      break;
    case "unary":
    case "not":
      checkTemps(expression.a, defined);
      break;
    case "binary":
    case "compare":
    case "both":
    case "either":
      checkTemps(expression.a, defined);
      checkTemps(expression.b, defined);
      break;
    case "select":
      for (const part of [expression.condition, expression.a, expression.b]) {
        checkTemps(part, defined);
      }
      break;
  }
}
