/**
 * Speed of the evaluator in million guest instructions per second, program by program.
 *
 *     deno task bench evaluator [PROGRAM...]
 *
 * Each program of tests/programs is compiled with gcc -O2 and run until two seconds are over; the first
 * quarter second is shown apart, because it includes compiling handlers.
 */

import { Evaluator } from "../../cpu/evaluator.ts";
import { compile, load } from "../support/compile.ts";
import { measureSpeed, PROGRAMS, programSource } from "../support/programs.ts";
import { geometricMean, printTable, save } from "./report/report.ts";

const rows: { name: string; cold: number; warm: number }[] = [];
for (const [name, { bench }] of Object.entries(PROGRAMS)) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  const file = await compile(await programSource(name), "-O2");
  const machine = load(file, (options) => new Evaluator(options));
  const cold = measureSpeed(machine, bench, 250);
  rows.push({ name, cold, warm: measureSpeed(machine, bench, 1750) });
}
const mean = geometricMean(rows.map(({ warm }) => warm));
printTable(["million instructions/s", "first 0.25 s", "after"], [
  ...rows.map(({ name, cold, warm }) => [name, cold.toFixed(1), warm.toFixed(1)]),
  ["geometric mean", "", mean.toFixed(1)],
]);
await save("evaluator", { rows, geometricMean: mean });
