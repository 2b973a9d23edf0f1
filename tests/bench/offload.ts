/**
 * What rings and offload of the NIC are worth: documents through the gateway and bulk TCP between VMs, with them and with one frame per operation.
 *
 *     deno task bench offload [--rounds N] [--seconds N]
 *
 * Kernel, gateway and client are in one thread, a fresh process for each measurement, so that the figures are
 * those of processor time and the machine's other work disturbs them little; the order is reversed from round to
 * round, and medians are shown.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import type { OffloadSample } from "./offload/measure.ts";
import { printTable, save } from "./report/report.ts";

const NICS = ["ring", "simple"] as const;
const TASKS = ["documents of 2258", "documents of 134007", "bulk"] as const;

async function measure(task: string, nic: string, seconds: number): Promise<OffloadSample> {
  const script = new URL("./offload/measure.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, task, nic, String(seconds)],
  }).output();
  if (!success) throw new Error(`${task}, ${nic}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const flags = parseArgs(Deno.args, { string: ["rounds", "seconds"] });
const rounds = Number(flags.rounds ?? 3), seconds = Number(flags.seconds ?? 2);
await buildGuests(["httpd", "ttcp"]);

const rows: ({ task: string; nic: string } & OffloadSample)[] = [];
for (const task of TASKS) {
  const samples: Record<string, OffloadSample[]> = { ring: [], simple: [] };
  for (let round = 0; round < rounds; round++) {
    for (const nic of round % 2 === 0 ? NICS : NICS.toReversed()) {
      samples[nic].push(await measure(task, nic, seconds));
    }
  }
  for (const nic of NICS) {
    const of = (key: keyof OffloadSample) => median(samples[nic].map((sample) => sample[key]));
    rows.push({
      task,
      nic,
      perSecond: of("perSecond"),
      megabits: of("megabits"),
      frames: of("frames"),
      kiloInstructions: of("kiloInstructions"),
    });
  }
}
printTable(
  ["", "NIC", "per second", "Mb/s", "gain", "frames each", "k instr. each"],
  rows.map(({ task, nic, perSecond, megabits, frames, kiloInstructions }) => [
    task,
    nic,
    perSecond.toFixed(0),
    megabits.toFixed(0),
    (perSecond / rows.find((row) => row.task === task && row.nic === "simple")!.perSecond).toFixed(
      2,
    ),
    frames.toFixed(2),
    kiloInstructions.toFixed(1),
  ]),
);
await save("offload", rows);
