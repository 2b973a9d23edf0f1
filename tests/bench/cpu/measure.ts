/**
 * Times one program on several executors: warm (processes that live on, in turns) and cold (a fresh process
 * for each run, from its start to its answer).
 *
 * Rules: every answer is compared with the first executor's, and a different one is an error. The order of
 * the turns is reversed from round to round. How much work a run is, is found on the first executor.
 */

import type { BuiltProgram } from "./build.ts";
import type { Executor } from "./executors.ts";
import { type Answer, type Clock, LineProcess } from "./line_process.ts";

/** Milliseconds of one run by an executor: all that were measured, in order, and the median of them. */
export interface Timing {
  readonly median: number;
  readonly runs: readonly number[];
  /** Runs before those that count. */
  readonly warmUp?: readonly number[];
}

export interface Measurement {
  readonly program: string;
  readonly repetitions: number;
  readonly timings: Readonly<Record<string, Timing>>;
}

export interface Plan {
  readonly program: string;
  readonly built: BuiltProgram;
  /** The first is the measure of the others' answers. */
  readonly executors: readonly Executor[];
  /** How long a run is to take on the first. */
  readonly milliseconds: number;
  readonly rounds: number;
  readonly clock: Clock;
}

/**
 * An executor is warm when it has run for WARM_MS and its last STEADY runs were no faster than all before them;
 * or has spent ENOUGH_WARM_MS.
 */
const WARM_MS = 500, STEADY = 6, FASTER = 0.97, ENOUGH_WARM_MS = 10_000;

/** An executor that has spent so long has no more turns. */
const ENOUGH_MS = 4000;

export async function measureWarm(plan: Plan): Promise<Measurement> {
  const processes: LineProcess[] = [];
  try {
    for (const executor of plan.executors) {
      processes.push(await LineProcess.start(executor.command(plan.built), plan.clock));
    }
    const repetitions = await findRepetitions(processes[0], plan.milliseconds);
    const compare = comparison(plan, repetitions);
    const warmUps: number[][] = [];
    for (const [index, process] of processes.entries()) {
      const runs: number[] = [];
      while (!isWarm(runs)) {
        runs.push(compare(plan.executors[index], await process.ask(repetitions)));
      }
      warmUps.push(runs);
    }
    const runs = await inTurns(plan, async (executor, index) => {
      return compare(executor, await processes[index].ask(repetitions));
    });
    return summary(plan, repetitions, runs, warmUps);
  } finally {
    for (const process of processes) await process.close();
  }
}

function isWarm(runs: readonly number[]): boolean {
  const spent = runs.reduce((sum, each) => sum + each, 0);
  if (spent >= ENOUGH_WARM_MS) return true;
  if (spent < WARM_MS || runs.length <= STEADY) return false;
  return Math.min(...runs.slice(-STEADY)) >= FASTER * Math.min(...runs.slice(0, -STEADY));
}

export async function measureCold(plan: Plan): Promise<Measurement> {
  const first = await LineProcess.start(plan.executors[0].command(plan.built), plan.clock);
  const repetitions = await findRepetitions(first, plan.milliseconds);
  await first.close();
  const compare = comparison(plan, repetitions);
  const runs = await inTurns(plan, async (executor) => {
    const process = await LineProcess.start(executor.command(plan.built), plan.clock);
    const answer = await process.ask(repetitions);
    await process.close();
    return compare(executor, { ...answer, milliseconds: answer.sinceStart });
  });
  return summary(plan, repetitions, runs);
}

/** A number of repetitions that takes about `milliseconds`. */
async function findRepetitions(process: LineProcess, milliseconds: number): Promise<number> {
  for (let repetitions = 1;; repetitions *= 2) {
    const first = await process.ask(repetitions);
    if (first.milliseconds < milliseconds / 2) continue;
    const second = await process.ask(repetitions);
    const spent = Math.min(first.milliseconds, second.milliseconds);
    if (spent >= milliseconds / 2) {
      return Math.max(1, Math.round(repetitions * milliseconds / spent));
    }
  }
}

function comparison({ program, executors }: Plan, repetitions: number) {
  let expected: string | undefined;
  return ({ name }: Executor, { result, milliseconds }: Answer): number => {
    expected ??= result;
    if (result !== expected) {
      throw new Error(
        `expected ${program}(${repetitions}) to give ${expected}, as on ${executors[0].name}; ` +
          `${name} gave ${result}`,
      );
    }
    return milliseconds;
  };
}

async function inTurns(
  { executors, rounds }: Plan,
  run: (executor: Executor, index: number) => Promise<number>,
): Promise<number[][]> {
  const times: number[][] = executors.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...executors.entries()];
    if (round % 2 !== 0) order.reverse();
    for (const [index, executor] of order) {
      const spent = times[index].reduce((sum, each) => sum + each, 0);
      if (spent < ENOUGH_MS) {
        times[index].push(await run(executor, index));
      }
    }
  }
  return times;
}

function summary(plan: Plan, repetitions: number, runs: number[][], warmUps?: number[][]) {
  const timings = plan.executors.map(({ name }, index): [string, Timing] => [name, {
    median: runs[index].toSorted((a, b) => a - b)[runs[index].length >> 1],
    runs: runs[index],
    warmUp: warmUps?.[index],
  }]);
  return { program: plan.program, repetitions, timings: Object.fromEntries(timings) };
}
