/**
 * Speed of the translator and of the evaluator in million guest instructions per second, program by program.
 *
 *     deno run -A tests/bench/translator.ts [PROGRAM...]
 *
 * Both run each program of tests/programs, compiled with gcc -O2, in turns: first a quarter second that
 * includes decoding and compiling, then three times half a second, of which the median counts.
 */

import { Evaluator } from "../../cpu/evaluator.ts";
import { Translator } from "../../cpu/translator/translator.ts";
import { call, compile, load, type Machine } from "../support/compile.ts";

const PROGRAMS: Record<string, number> = {
  crc32: 4,
  sieve: 2,
  fib: 20,
  quicksort: 2,
  sha256: 200,
  arithmetic: 2000,
  floating: 20,
};

const ROUNDS = 3;

console.log("million instructions/s   first 0.25 s                 after");
console.log("program        evaluator translator ratio   evaluator translator ratio");
let product = 1, count = 0;
for (const [name, argument] of Object.entries(PROGRAMS)) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  const source = await Deno.readTextFile(new URL(`../programs/${name}.c`, import.meta.url));
  const file = await compile(source, "-O2");
  const machines = [
    load(file, (options) => new Evaluator(options)),
    load(file, (options) => new Translator(options)),
  ];
  const cold = machines.map((machine) => measure(machine, argument, 250));
  const rounds: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      rounds[at].push(measure(machines[at], argument, 500));
    }
  }
  const warm = rounds.map((speeds) => speeds.sort((a, b) => a - b)[ROUNDS >> 1]);
  console.log(`${name.padEnd(14)} ${row(cold)}   ${row(warm)}`);
  product *= warm[1] / warm[0];
  count++;
}
console.log(`geometric mean of the ratios ${(product ** (1 / count)).toFixed(2).padStart(40)}`);

function row([evaluator, translator]: readonly number[]): string {
  return evaluator.toFixed(1).padStart(9) + translator.toFixed(1).padStart(11) +
    (translator / evaluator).toFixed(2).padStart(6);
}

/** Million instructions per second of repeated runs for at least `milliseconds`. */
function measure(machine: Machine, argument: number, milliseconds: number): number {
  const start = performance.now(), retired = machine.cpu.retired;
  let elapsed = 0;
  do {
    call(machine, argument);
    elapsed = performance.now() - start;
  } while (elapsed < milliseconds);
  return (machine.cpu.retired - retired) / elapsed / 1000;
}
