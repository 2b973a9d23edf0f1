/** Questions to the statements of one instruction: which temporaries they mention, what follows on what. */

import type { Expression, Statement } from "../ir.ts";

/** The register that `next` sets to the result of `s`, if that is all it does; or -1. */
export function targetOf(s: Statement, next: Statement | undefined): number {
  if (s.op !== "let" && s.op !== "load") return -1;
  if (next?.op !== "setRegister" || next.width !== 32 || next.value.op !== "temp") return -1;
  return next.value.id === s.temp.id ? numberOf(next.index) : -1;
}

/** Whether `next` is an `if` that asks for nothing but the condition that `s` computes. */
export function isDecision(s: Statement, next: Statement | undefined): boolean {
  if (s.op !== "getCondition" || next?.op !== "if" || next.condition.op !== "temp") return false;
  const inside = tempNames([next.then, next.else], "");
  return next.condition.id === s.temp.id && !inside.has(String(s.temp.id));
}

/** The general register that a register statement is about. */
export function registerOf(width: number, index: number): number {
  return width === 32 ? index : width === 16 ? index >> 1 : index >> 2;
}

/** By temporary: the last statement that mentions it. */
export function lastMentions(body: readonly Statement[]): Map<number, number> {
  const last = new Map<number, number>();
  body.forEach((s, at) => eachTemp(s, (id) => last.set(id, at)));
  return last;
}

/** The names of the temporaries in `node`. */
export function tempNames(node: unknown, prefix: string): Set<string> {
  const names = new Set<string>();
  eachTemp(node, (id) => names.add(prefix + id));
  return names;
}

/** Visits the temporaries in statements and expressions. */
export function eachTemp(node: unknown, visit: (id: number) => void): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) { for (const part of node) eachTemp(part, visit); }
  else if ("op" in node && node.op === "temp" && "id" in node) visit(node.id as number);
  else for (const key in node) eachTemp(node[key as keyof typeof node], visit);
}

export function numberOf(index: Expression): number {
  if (index.op === "const") return index.value;
  throw new Error(
    `instruction printer: expected a constant register number, got ${index.op}; use literalForm`,
  );
}

export function someStatement(
  statements: readonly Statement[],
  is: (statement: Statement) => boolean,
): boolean {
  return statements.some((s) =>
    is(s) || (s.op === "if" && (someStatement(s.then, is) || someStatement(s.else, is))) ||
    (s.op === "loop" && someStatement(s.body, is))
  );
}
