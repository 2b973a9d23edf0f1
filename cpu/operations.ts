/**
 * The one entry to the x87, MMX and SSE instructions: from what the decoder read to what an engine calls.
 */

import { FPU_FORMS } from "./fpu/table.ts";
import { SSE_FORMS } from "./sse/table.ts";
import { type Form, matchForm } from "./form.ts";
import type { Instruction } from "./instruction.ts";
import type { Binding } from "./operation.ts";

const forms = new Map<string, Form[]>();
for (const form of [...SSE_FORMS, ...FPU_FORMS]) {
  const list = forms.get(form.mnemonic);
  if (list === undefined) forms.set(form.mnemonic, [form]);
  else list.push(form);
}

/**
 * How to run `instruction`, or null if it is no x87, MMX or SSE instruction, or one of those that this
 * processor does not have (the engine then raises #UD). The string instructions MOVSD and CMPSD give null.
 */
export function bindOperation(instruction: Instruction): Binding | null {
  const candidates = forms.get(instruction.mnemonic);
  if (candidates === undefined) return null;
  for (const form of candidates) {
    const binding = matchForm(form, instruction);
    if (binding !== null) return binding;
  }
  return null;
}
