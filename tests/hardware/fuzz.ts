/**
 * `deno task fuzz:cpu`: random instruction sequences on the host's processor and on an engine, for as long as
 * asked. Exits with 1 if they differ.
 */

import { parseArgs } from "@std/cli/parse-args";
import { Differential } from "./differential.ts";
import { ENGINES } from "./engines.ts";
import { FORMS, type InstructionForm } from "./encodings.ts";
import type { Random } from "./random.ts";
import { MAXIMUM_INSTRUCTIONS } from "./sequence.ts";
import { Oracle } from "./oracle.ts";

const USAGE = `deno task fuzz:cpu --seconds N [--seed S] [--batch B] [--engine NAME] [--only REGEXP]

  --seconds N     how long; default 60
  --seed S        repeats a run; default: the time
  --batch B       runs only this batch of the seed
  --engine NAME   ${Object.keys(ENGINES).join(", ")}; default evaluator
  --only REGEXP   only instructions whose mnemonic matches
  --limit N       stop after this many mismatches; default 10`;

/** Any forms, one to eight of them; short sequences are as frequent as long ones. */
function chooser(forms: readonly InstructionForm[]): (random: Random) => InstructionForm[] {
  return (random) =>
    Array.from({ length: 1 + random.below(MAXIMUM_INSTRUCTIONS) }, () => random.pick(forms));
}

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["seconds", "seed", "batch", "engine", "only", "limit"],
    boolean: ["help"],
    default: { seconds: "60", engine: "evaluator", only: "", limit: "10" },
  });
  const createEngine = ENGINES[options.engine];
  if (options.help || createEngine === undefined) {
    console.error(USAGE);
    return 2;
  }
  const seed = options.seed === undefined ? Date.now() % 1e9 : Number(options.seed);
  const only = new RegExp(options.only);
  const choose = chooser(FORMS.filter(({ entry }) => only.test(entry.mnemonic)));
  const oracle = await Oracle.start();
  const test = new Differential(oracle, createEngine, seed);
  const start = performance.now();
  const end = start + 1000 * Number(options.seconds);
  let shown = 0, printed = start;
  const progress = () => {
    const seconds = (performance.now() - start) / 1000;
    const { sequences, instructions } = test.counts;
    console.log(
      `${seconds.toFixed(0)} s: ${sequences} sequences, ${instructions} instructions, ` +
        `${Math.round(sequences / seconds)} sequences/s, ${test.mismatches.length} mismatches`,
    );
  };
  console.log(`seed ${seed}, engine ${options.engine}`);
  let batch = options.batch === undefined ? 0 : Number(options.batch);
  do {
    await test.run(batch++, choose);
    for (; shown < test.mismatches.length; shown++) console.log(test.mismatches[shown].report);
    if (test.mismatches.length >= Number(options.limit)) break;
    if (performance.now() - printed > 10_000) {
      progress();
      printed = performance.now();
    }
  } while (performance.now() < end && options.batch === undefined);
  progress();
  for (const [reason, count] of test.counts.ignored) console.log(`left out, ${reason}: ${count}`);
  await oracle.close();
  return test.mismatches.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
