/** From a form to its meaning: the one table of what this processor can do. */

import { Builder, type Meaning } from "../builder.ts";
import type { Program } from "../ir.ts";
import type { Form } from "../shape.ts";
import { ALU } from "./alu.ts";
import { BCD } from "./bcd.ts";
import { BIT } from "./bit.ts";
import { CONTROL } from "./control.ts";
import { MOVE } from "./move.ts";
import { MULTIPLY } from "./multiply.ts";
import { runOperation } from "./operation.ts";
import { SHIFT } from "./shift.ts";
import { STACK } from "./stack.ts";
import { STRING } from "./string.ts";
import { SYSTEM } from "./system.ts";

const MEANINGS = new Map<string, Meaning>(
  [ALU, BCD, BIT, CONTROL, MOVE, MULTIPLY, SHIFT, STACK, STRING, SYSTEM].flatMap((family) =>
    Object.entries(family)
  ),
);

/** Whether an instruction with this mnemonic does anything but raise #UD. */
export function isImplemented(mnemonic: string): boolean {
  return MEANINGS.has(mnemonic);
}

/** Writes the program of a form. What has no meaning here raises #UD. */
export function programOf(form: Form): Program {
  const builder = new Builder(form);
  if (form.binding !== null) runOperation(builder, form, form.binding);
  else {
    const meaning = form.invalid ? undefined : MEANINGS.get(form.mnemonic);
    if (form.mnemonic === "toolong") builder.protected();
    else if (meaning === undefined) builder.undefined();
    else meaning(builder, form);
  }
  return builder.program();
}
