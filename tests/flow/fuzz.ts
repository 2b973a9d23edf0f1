/**
 * `deno task fuzz:flow`: random programs full of branches on an engine and on the evaluator, for as long as
 * asked. Exits with 1 if they differ.
 */

import { parseArgs } from "@std/cli/parse-args";
import { Evaluator } from "../../cpu/evaluator.ts";
import { SETTINGS } from "./settings.ts";
import { type Limits, Lockstep } from "./lockstep.ts";
import { describe } from "./report.ts";

const USAGE = `deno task fuzz:flow --seconds N [--seed S] [--count N] [--engine NAME]

  --seconds N     how long; default 60
  --seed S        the first seed; default: the time
  --count N       how many seeds; default: as many as there is time for
  --engine NAME   ${Object.keys(SETTINGS).join(", ")}; default: all by turns
  --limit N       stop after this many differences; default 3`;

export const LIMITS: Limits = { pieces: 400, instructions: 20_000 };

function main(): number {
  const options = parseArgs(Deno.args, {
    string: ["seconds", "seed", "count", "engine", "limit"],
    boolean: ["help"],
    default: { seconds: "60", limit: "3", count: "1e9" },
  });
  const names = options.engine === undefined ? Object.keys(SETTINGS) : [options.engine];
  if (options.help || names.some((name) => !(name in SETTINGS))) {
    console.error(USAGE);
    return 2;
  }
  const first = options.seed === undefined ? Date.now() % 1e9 : Number(options.seed);
  const end = performance.now() + 1000 * Number(options.seconds);
  let differences = 0, programs = 0, pieces = 0, instructions = 0;
  for (let seed = first; programs < Number(options.count) && performance.now() < end; seed++) {
    const name = names[seed % names.length];
    const exact = name !== "inexact";
    const lockstep = new Lockstep(seed, (o) => new Evaluator(o), SETTINGS[name], exact);
    const result = lockstep.run(LIMITS);
    programs++;
    pieces += result.pieces;
    for (const { cpu } of result.reference.vms) instructions += cpu.retired;
    if (result.difference === null) continue;
    console.log(describe(seed, result, LIMITS));
    console.log(`again: deno task fuzz:flow --engine ${name} --seed ${seed} --count 1\n`);
    if (++differences >= Number(options.limit)) break;
  }
  console.log(
    `${programs} programs from seed ${first}, ${pieces} runs, ${instructions} instructions, ` +
      `${differences} differences`,
  );
  return differences > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(main());
