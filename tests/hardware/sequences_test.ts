/**
 * Every instruction form of the decoder's table, in sequences with others, on the host's processor and on each
 * engine. `SEED=n` repeats a run, `CASES=n` sets how often each form is compared.
 */

import { assertEquals } from "@std/assert";
import { decode } from "../../cpu/decoder.ts";
import { reasonToLeaveOut } from "./comparable.ts";
import { Differential } from "./differential.ts";
import { type Encoding, FORMS, type InstructionForm } from "./encodings.ts";
import { ENGINES } from "./engines.ts";
import type { Random } from "./random.ts";
import { Oracle } from "./oracle.ts";

const seed = Number(Deno.env.get("SEED") ?? 20021209);
const wanted = Number(Deno.env.get("CASES") ?? 100);

/** Why no encoding of a form is compared, or "" if one is. */
function reasonForForm(form: InstructionForm): string {
  let reason = "";
  for (const encoding of form.encodings) {
    for (const modrm of encoding.modrm.length > 0 ? encoding.modrm : [0]) {
      const instruction = decode(plain(encoding, modrm), 0, 24);
      reason = instruction === null ? "" : reasonToLeaveOut(instruction);
      if (reason === "") return "";
    }
  }
  return reason;
}

function plain(encoding: Encoding, modrm: number): Uint8Array {
  const prefixes = encoding.prefix === 0 ? [] : [encoding.prefix];
  const bytes = new Uint8Array(24);
  bytes.set([...prefixes, ...encoding.opcode, modrm]);
  return bytes;
}

/** Leads each sequence with the form that has been compared least often. */
class Coverage {
  readonly counts = new Map<InstructionForm, number>();
  private readonly queue: InstructionForm[];

  constructor(forms: readonly InstructionForm[]) {
    this.queue = [...forms];
    for (const form of forms) this.counts.set(form, 0);
  }

  next(random: Random): InstructionForm[] | null {
    while (this.queue.length > 0 && this.counts.get(this.queue[0])! >= wanted) this.queue.shift();
    if (this.queue.length === 0) return null;
    const form = this.queue[random.below(Math.min(this.queue.length, 64))];
    return [form, ...Array.from({ length: random.below(4) }, () => random.pick(FORMS))];
  }

  count(form: InstructionForm): void {
    const count = this.counts.get(form);
    if (count !== undefined) this.counts.set(form, count + 1);
  }
}

for (const [name, createEngine] of Object.entries(ENGINES)) {
  Deno.test(`every form on the ${name} does in sequences what it does on silicon`, async () => {
    const reasons = new Map(FORMS.map((form) => [form, reasonForForm(form)]));
    const compared = FORMS.filter((form) => reasons.get(form) === "");
    const coverage = new Coverage(compared);
    const oracle = await Oracle.start();
    try {
      const test = new Differential(
        oracle,
        createEngine,
        seed,
        (one) => coverage.count(one.forms[0]),
      );
      for (let batch = 0; test.mismatches.length < 20 && batch < 1000; batch++) {
        if (!await test.run(batch, (random) => coverage.next(random))) break;
      }
      const { sequences, instructions } = test.counts;
      console.log(
        `seed ${seed}: ${sequences} sequences, ${instructions} instructions, ` +
          `${compared.length} of ${FORMS.length} forms`,
      );
      const reports = test.mismatches.map(({ report }) => report);
      assertEquals(reports.length, 0, `SEED=${seed}\n${reports.join("\n")}`);
      const missing = compared.filter((form) => coverage.counts.get(form)! < wanted);
      assertEquals(missing.map(({ entry }) => entry.mnemonic), [], "compared too rarely");
    } finally {
      await oracle.close();
    }
  });
}
