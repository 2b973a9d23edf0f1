/**
 * The arithmetic flags in translated code: which blocks look at them, and how they are stored.
 *
 * A block looks at the flags that it is entered with if anything reads them, or control can leave the
 * region, before they are all set anew. Leaving counts, because every exit hands over the exact flags.
 */

import type { Expression, Statement } from "../ir.ts";
import { HELPERS } from "../ir.ts";
import {
  CF,
  FLAG_KIND_CODE,
  LAZY_A,
  LAZY_B,
  LAZY_CARRY,
  LAZY_KIND,
  LAZY_RESULT,
} from "../flags.ts";
import { orderText } from "../printer.ts";
import type { Region, RegionBlock } from "./region.ts";

type SetFlags = Extract<Statement, { op: "setFlags" }>;
type Text = (expression: Expression) => string;

/** Statements that leave in R what the flags follow from. */
export function flagStores({ kind, a, b, result, carry }: SetFlags, text: Text): string {
  const set = (word: number, value: string) => `R[${word}]=${value};`;
  let stores = set(LAZY_KIND, String(FLAG_KIND_CODE[kind]));
  if (kind === "order") return stores + set(LAZY_A, orderText(text(a), text(b)));
  stores += set(LAZY_A, text(a));
  if (kind !== "explicit") stores += set(LAZY_RESULT, text(result));
  if (kind !== "explicit" && kind !== "partial") stores += set(LAZY_B, text(b));
  if (kind === "inc" || kind === "dec") stores += set(LAZY_CARRY, text(carry));
  return stores;
}

/** CF as 0 or 1 straight from the operands, or null where getCarry has to look. */
export function carryText({ kind, a, b, result, carry }: SetFlags, text: Text): string | null {
  switch (kind) {
    case "sub":
      return `(${text(a)}>>>0)<(${text(b)}>>>0)?1:0`;
    case "add":
      return `(${text(result)}>>>0)<(${text(a)}>>>0)?1:0`;
    case "partial":
    case "explicit":
      return `${text(a)}&${CF}`;
    case "order":
      return `${text(a)}>=${text(b)}?0:1`;
    case "inc":
    case "dec":
      return text(carry);
    default:
      return null;
  }
}

/** By the offset of each block: whether the flags must be in R when it is entered. */
export function needsFlags(region: Region): ReadonlyMap<number, boolean> {
  return new Map(region.blocks.map((block) => [block.start, looks(block)]));
}

function looks(block: RegionBlock): boolean {
  for (const { program } of block.instructions) {
    for (const statement of program.body) {
      if (statement.op === "setFlags") return false;
      if (mayLook(statement)) return true;
    }
  }
  return true;
}

function mayLook(statement: Statement): boolean {
  switch (statement.op) {
    case "let":
    case "assign":
    case "getRegister":
    case "setRegister":
    case "getWord":
    case "setWord":
    case "getPart":
    case "setPart":
    case "getEip":
      return false;
    case "load":
    case "store":
      return !statement.reserved;
    case "call":
      return statement.helper.startsWith("get") || HELPERS[statement.helper].faults;
    default:
      return true;
  }
}

/** Whether temporary `id` is used in nothing but a setFlagsWord of the straight line. */
export function onlySetsFlags(body: readonly Statement[], id: number): boolean {
  const isUse = (s: Statement) => s.op === "call" && s.helper === "setFlagsWord";
  const isDefinition = (s: Statement) =>
    s.op === "call" && s.helper === "getFlags" && s.temp?.id === id;
  return body.some(isDefinition) && body.some(isUse) &&
    body.every((s) => isUse(s) || isDefinition(s) || !mentions(s, id));
}

function mentions(node: unknown, id: number): boolean {
  if (typeof node !== "object" || node === null) return false;
  if ("op" in node && node.op === "temp" && "id" in node && node.id === id) return true;
  return Object.values(node).some((part) => mentions(part, id));
}
