/**
 * Speed of the translator and of the evaluator in million guest instructions per second, program by program.
 *
 *     deno task bench translator [PROGRAM...]
 *
 * Both run each program of tests/programs, compiled with gcc -O2, in turns: first a quarter second that
 * includes decoding and compiling, then three times half a second, of which the median counts.
 */

import { Evaluator } from "../../cpu/evaluator.ts";
import { Translator } from "../../cpu/translator/translator.ts";
import { compile, load } from "../support/compile.ts";
import { measureSpeed, PROGRAMS, programSource } from "../support/programs.ts";
import { geometricMean, printTable, save } from "./report/report.ts";

const ROUNDS = 3;

/** Speeds of the evaluator and of the translator. */
type Speeds = readonly number[];

async function measure(name: string, argument: number): Promise<{ cold: Speeds; warm: Speeds }> {
  const file = await compile(await programSource(name), "-O2");
  const machines = [
    load(file, (options) => new Evaluator(options)),
    load(file, (options) => new Translator(options)),
  ];
  const cold = machines.map((machine) => measureSpeed(machine, argument, 250));
  const rounds: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      rounds[at].push(measureSpeed(machines[at], argument, 500));
    }
  }
  return { cold, warm: rounds.map((speeds) => speeds.sort((a, b) => a - b)[ROUNDS >> 1]) };
}

function cells([evaluator, translator]: Speeds): string[] {
  return [evaluator.toFixed(1), translator.toFixed(1), (translator / evaluator).toFixed(2)];
}

const rows: { name: string; cold: Speeds; warm: Speeds }[] = [];
for (const [name, { bench }] of Object.entries(PROGRAMS)) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  rows.push({ name, ...await measure(name, bench) });
}
const mean = geometricMean(rows.map(({ warm }) => warm[1] / warm[0]));
printTable(
  [
    "M instructions/s",
    "evaluator cold",
    "translator",
    "ratio",
    "evaluator warm",
    "translator",
    "ratio",
  ],
  [
    ...rows.map(({ name, cold, warm }) => [name, ...cells(cold), ...cells(warm)]),
    ["geometric mean", "", "", "", "", "", mean.toFixed(2)],
  ],
);
await save("translator", { rows, geometricMeanOfRatios: mean });
