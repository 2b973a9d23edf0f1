/**
 * Speed of the evaluator in million guest instructions per second, program by program.
 *
 *     deno run -A tests/bench/evaluator.ts [PROGRAM]
 *
 * Each program of tests/programs is compiled with gcc -O2 and run until two seconds are over; the first
 * quarter second is shown apart, because it includes compiling handlers.
 */

import { Evaluator } from "../../cpu/evaluator.ts";
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

console.log("program        first 0.25 s    after  (million instructions/s)");
let product = 1, count = 0;
for (const [name, argument] of Object.entries(PROGRAMS)) {
  if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
  const source = await Deno.readTextFile(new URL(`../programs/${name}.c`, import.meta.url));
  const machine = load(await compile(source, "-O2"), (options) => new Evaluator(options));
  const cold = measure(machine, argument, 250);
  const warm = measure(machine, argument, 1750);
  console.log(`${name.padEnd(12)} ${cold.toFixed(1).padStart(12)} ${warm.toFixed(1).padStart(10)}`);
  product *= warm;
  count++;
}
console.log(`geometric mean ${(product ** (1 / count)).toFixed(1).padStart(21)}`);

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
