/**
 * The arithmetic flags in translated code: which blocks look at them, and how they are kept.
 *
 * The five words of cpu/flags.ts live in locals of the same meaning: fk (kind), fa, fb, fr (result), fc
 * (carry). A block looks at the flags that it is entered with if anything reads them, or control can
 * leave the region, before they are all set anew: every exit hands over the exact flags.
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
import { orderText } from "../condition_text.ts";
import type { RegionBlock } from "./region.ts";

type SetFlags = Extract<Statement, { op: "setFlags" }>;
type Text = (expression: Expression) => string;

/** Words of the state and the locals that stand for them. */
export const FLAG_LOCALS: readonly (readonly [word: number, local: string])[] = [
  [LAZY_KIND, "fk"],
  [LAZY_A, "fa"],
  [LAZY_B, "fb"],
  [LAZY_RESULT, "fr"],
  [LAZY_CARRY, "fc"],
];

/** Statements that leave in the locals what the flags follow from. */
export function flagStores({ kind, a, b, result, carry }: SetFlags, text: Text): string {
  if (kind === "order") return `fk=${FLAG_KIND_CODE[kind]};fa=${orderText(text(a), text(b))};`;
  let stores = `fk=${FLAG_KIND_CODE[kind]};fa=${text(a)};`;
  if (kind !== "explicit") stores += `fr=${text(result)};`;
  if (kind !== "explicit" && kind !== "partial") stores += `fb=${text(b)};`;
  // Before `fk` changes, because the carry may be that of the flags before.
  if (kind === "inc" || kind === "dec") stores = `fc=${text(carry)};${stores}`;
  return stores;
}

/** CF as 0 or 1 straight from the operands, or null where it has to be computed from the locals. */
export function carryText({ kind, a, b, result, carry }: SetFlags, text: Text): string | null {
  switch (kind) {
    case "sub":
      return `((${text(a)}>>>0)<(${text(b)}>>>0)?1:0)`;
    case "add":
      return `((${text(result)}>>>0)<(${text(a)}>>>0)?1:0)`;
    case "partial":
    case "explicit":
      return `(${text(a)}&${CF})`;
    case "order":
      return `(${text(a)}>=${text(b)}?0:1)`;
    case "inc":
    case "dec":
      return text(carry);
    default:
      return null;
  }
}

/** Starts of the blocks that look at the flags which they are entered with. */
export function lookingBlocks(blocks: readonly RegionBlock[]): ReadonlySet<number> {
  return new Set(blocks.filter((block) => !setsFlagsFirst(block)).map(({ start }) => start));
}

function setsFlagsFirst(block: RegionBlock): boolean {
  for (const { program } of block.instructions) {
    for (const statement of program.body) {
      if (statement.op === "setFlags") return true;
      if (mayLook(statement)) return false;
    }
  }
  return false;
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
    case "jump":
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
