/**
 * The integer instructions of an engine against the host's processor. SEED=n repeats a run, ROUNDS=n makes
 * it longer.
 */

import type { Engine, EngineOptions } from "../../cpu/engine.ts";
import { Evaluator } from "../../cpu/evaluator.ts";
import { type Case, describe, difference, EngineUnderTest, runOnHost } from "./oracle.ts";
import { allOpcodes, generate, Random } from "./generator.ts";

/** Every tier of the processor has to pass. */
const ENGINES: Record<string, (options: EngineOptions) => Engine> = {
  evaluator: (options) => new Evaluator(options),
};

for (const [name, createEngine] of Object.entries(ENGINES)) {
  Deno.test(`integer instructions on the ${name} do what silicon does`, async () => {
    const seed = Number(Deno.env.get("SEED") ?? Date.now() & 0x7fffffff) | 1;
    const rounds = Number(Deno.env.get("ROUNDS") ?? 2);
    console.log(`seed ${seed}`);
    const random = new Random(seed);
    const engine = new EngineUnderTest(createEngine);
    const counts = new Map<string, number>();
    const reports: string[] = [];
    let total = 0, wrong = 0;
    for (let round = 0; round < rounds; round++) {
      const cases = casesOf(random);
      const results = await runOnHost(cases);
      cases.forEach((one, i) => {
        total++;
        const text = difference(one, results[i], engine.run(one));
        if (text === "") return;
        wrong++;
        const mnemonic = one.text.split(" ")[0];
        const seen = counts.get(mnemonic) ?? 0;
        counts.set(mnemonic, seen + 1);
        if (seen < 2 && reports.length < 40) reports.push(`${describe(one)}\n    ${text}`);
      });
    }
    console.log(`${total} cases`);
    if (wrong > 0) {
      const summary = [...counts].map(([mnemonic, count]) => `${mnemonic} ${count}`).join(", ");
      throw new Error(
        `${wrong} of ${total} differ (seed ${seed}): ${summary}\n${reports.join("\n")}`,
      );
    }
  });
}

/** Every opcode with every ModRM byte. */
function casesOf(random: Random): Case[] {
  const cases: Case[] = [];
  for (const opcode of allOpcodes()) {
    for (let modrm = 0; modrm < 256; modrm++) {
      const one = generate(random, opcode, modrm);
      if (one !== null) cases.push(one);
    }
  }
  return cases;
}
