/**
 * Speed of the translator against the processor, QEMU, v86 and the evaluator on compiled programs.
 *
 *     deno task bench cpu [PROGRAM...] [--only warm|cold] [--peers A,B] [--rounds N] [--clock wall|cpu]
 *
 * Each program of tests/programs is compiled once by gcc -O2 for i386 and run by all executors, each in a
 * process of its own, in turns; an answer that differs from the processor's ends the benchmark.
 *
 * Warm: runs of about 20 ms on the processor, when they have stopped getting faster; the median of several.
 * Cold: from the start of a fresh process to its answer, with the work of about 100 ms on the processor; here
 * the translator runs in a VM (`vm`), which has to be booted like the machines of qemu-system and v86.
 *
 * --clock cpu counts the time that the threads of each process run, for a machine with other load.
 * A ratio is the peer's time divided by the translator's: above 1, the translator is faster.
 */

import { parseArgs } from "@std/cli/parse-args";
import { PROGRAMS } from "../support/programs.ts";
import { buildProgram } from "./cpu/build.ts";
import { type Executor, EXECUTORS, isAvailable } from "./cpu/executors.ts";
import type { Clock } from "./cpu/line_process.ts";
import { measureCold, type Measurement, measureWarm, type Plan } from "./cpu/measure.ts";
import { bars } from "./report/bars.ts";
import { geometricMean, printTable, save, savePicture } from "./report/report.ts";

const WARM_MS = 20, COLD_MS = 100;

/** What the others are compared with: warm the engine alone, cold all that a user starts. */
const WARM_SUBJECT = "translator", COLD_SUBJECT = "vm";

interface Choice {
  readonly programs: readonly string[];
  readonly executors: readonly Executor[];
  readonly only: string | undefined;
  readonly rounds: number;
  readonly clock: Clock;
}

/** What the arguments ask for; ends the process with a message if they make no sense. */
function choose(args: string[]): Choice {
  const options = parseArgs(args, { string: ["only", "peers", "rounds", "clock"] });
  const programs = options._.map(String);
  const peers = options.peers?.split(",") ?? EXECUTORS.map(({ name }) => name);
  check("program", programs, Object.keys(PROGRAMS));
  check("peer", peers, EXECUTORS.map(({ name }) => name));
  check("--only", options.only === undefined ? [] : [options.only], ["warm", "cold"]);
  const clock = options.clock ?? "wall";
  check("--clock", [clock], ["wall", "cpu"]);
  const rounds = Number(options.rounds ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1) stop("expected --rounds N with N at least 1");
  // The processor says what is right, and the translator is what this is about.
  const wanted = new Set(["native", WARM_SUBJECT, COLD_SUBJECT, ...peers]);
  return {
    programs: programs.length > 0 ? programs : Object.keys(PROGRAMS),
    executors: EXECUTORS.filter(({ name }) => wanted.has(name)),
    only: options.only,
    rounds,
    clock: clock as Clock,
  };
}

function check(what: string, given: readonly string[], known: readonly string[]): void {
  const wrong = given.find((name) => !known.includes(name));
  if (wrong !== undefined) stop(`expected a ${what} out of ${known.join(", ")}; got "${wrong}"`);
}

function stop(message: string): never {
  console.error(message);
  Deno.exit(2);
}

function ratio({ timings }: Measurement, peer: string, subject: string): number {
  return timings[peer].median / timings[subject].median;
}

function digits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** Shows a measurement as soon as it is there, because all of them take minutes. */
function tell(kind: string, { program, timings }: Measurement): void {
  const times = Object.entries(timings).map(([name, { median }]) => `${name} ${digits(median)}`);
  console.error(`${kind} ${program}, ms: ${times.join(", ")}`);
}

interface Ratios {
  readonly [peer: string]: { readonly mean: number; readonly least: number };
}

/** Prints the measurements of one kind, and draws them; returns the ratios to each peer. */
async function report(
  kind: "warm" | "cold",
  subject: string,
  measured: readonly Measurement[],
): Promise<Ratios | undefined> {
  if (measured.length === 0) return undefined;
  const names = Object.keys(measured[0].timings);
  const peers = names.filter((name) => name !== subject);
  const ratios = peers.map((peer) => measured.map((each) => ratio(each, peer, subject)));
  const means = ratios.map(geometricMean), least = ratios.map((values) => Math.min(...values));
  const blank = names.map(() => "");
  const what = `peer's time divided by the translator's`;
  console.log(`\n${kind}; / is the ${what}`);
  printTable(["ms", ...names, ...peers.map((peer) => `/ ${peer}`)], [
    ...measured.map((each) => [
      each.program,
      ...names.map((name) => digits(each.timings[name].median)),
      ...peers.map((peer) => digits(ratio(each, peer, subject))),
    ]),
    ["geometric mean", ...blank, ...means.map(digits)],
    ["least", ...blank, ...least.map(digits)],
  ]);
  await savePicture(
    `cpu_${kind}`,
    bars(
      [...measured.map(({ program }) => program), "geometric mean"],
      peers.map((label, i) => ({ label, values: [...ratios[i], means[i]] })),
      { title: `Compiled programs, ${kind}`, yLabel: what },
    ),
  );
  return Object.fromEntries(peers.map((peer, i) => [peer, { mean: means[i], least: least[i] }]));
}

async function main(): Promise<void> {
  const { programs, only, rounds, clock, ...choice } = choose(Deno.args);
  const executors: Executor[] = [];
  for (const each of choice.executors) if (await isAvailable(each)) executors.push(each);
  const fromNothing = executors.filter(({ name }) => name !== "evaluator" && name !== WARM_SUBJECT);
  const warm: Measurement[] = [], cold: Measurement[] = [];
  const folder = await Deno.makeTempDir();
  try {
    for (const program of programs) {
      const built = await buildProgram(program, folder);
      const plan: Plan = { program, built, executors, milliseconds: WARM_MS, rounds, clock };
      if (only !== "cold") {
        warm.push(await measureWarm(plan));
        tell("warm", warm.at(-1)!);
      }
      if (only !== "warm") {
        const short = { ...plan, executors: fromNothing, milliseconds: COLD_MS, rounds: 3 };
        cold.push(await measureCold(short));
        tell("cold", cold.at(-1)!);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const ratios = {
    warm: await report("warm", WARM_SUBJECT, warm),
    cold: await report("cold", COLD_SUBJECT, cold),
  };
  await save("cpu", { clock, ratios, warm, cold });
}

await main();
