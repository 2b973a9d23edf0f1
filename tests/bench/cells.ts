/**
 * What a second cell on a second core is worth: requests per second served by one cell and by two.
 *
 *     deno task bench cells [--seconds N] [--rounds N] [--bytes N,...]
 *
 * One cell is held on one core (taskset of util-linux), because V8 compiles and collects on threads of its own,
 * and would use the second core for it. Clients are VMs too (tests/load/fetch.c, which checks every byte), so that
 * no load generator takes a core: each fetches from one server, both in the same cell, or from a server
 * in the other cell. The supervisor's thread carries the frames between cells. All settings are warmed up first
 * (scale/warm_up.ts). Then rounds are taken in turns, the order reversed from round to round; the medians
 * count. Where the machine has other load, two cells do not get two cores: the last column, requests per second
 * of processor time, then says what the second cell costs.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import type { Sample, Setting } from "./cells/fetching_pairs.ts";
import { type LineCommand, LineProcess } from "./cpu/line_process.ts";
import { printTable, save } from "./report/report.ts";
import { warmUp, warmUpText } from "./scale/warm_up.ts";

const DOCUMENTS = [2258, 134_007];
const SETTINGS: readonly (Setting & { name: string })[] = [
  { name: "one cell, one core", cells: 1, across: false },
  { name: "two cells", cells: 2, across: false },
  { name: "two cells, to the other", cells: 2, across: true },
];
const PROCESS = new URL("cells/pairs_process.ts", import.meta.url).pathname;

/** The first core that this process may use. */
const CORE = Deno.readTextFileSync("/proc/self/status").match(/^Cpus_allowed_list:\s*(\d+)/m)![1];

function command(setting: Setting, bytes: number): LineCommand {
  const args = ["run", "-A", PROCESS, JSON.stringify(setting), String(bytes)];
  return setting.cells > 1
    ? { program: Deno.execPath(), args }
    : { program: "taskset", args: ["--cpu-list", CORE, Deno.execPath(), ...args] };
}

async function window(pairs: LineProcess, seconds: number): Promise<Sample> {
  return JSON.parse((await pairs.ask(seconds)).result);
}

function median(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.perSecond - b.perSecond)[samples.length >> 1];
}

const flags = parseArgs(Deno.args, { string: ["seconds", "rounds", "bytes"] });
const seconds = Number(flags.seconds ?? 3), rounds = Number(flags.rounds ?? 5);
const documents: readonly number[] = flags.bytes?.split(",").map(Number) ?? DOCUMENTS;
await buildGuests(["httpd"]);
const rows: (Sample & { setting: string; bytes: number; ratio: number })[] = [];

async function measure(bytes: number, all: readonly LineProcess[]): Promise<void> {
  for (const [index, pairs] of all.entries()) {
    const warm = await warmUp((seconds) => window(pairs, seconds));
    console.log(`${SETTINGS[index].name}, ${bytes} bytes: ${warmUpText(warm)}`);
  }
  const samples = all.map(() => [] as Sample[]);
  for (let round = 0; round < rounds; round++) {
    const order = all.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      samples[index].push(await window(all[index], seconds));
    }
  }
  const medians = samples.map(median);
  for (const [index, sample] of medians.entries()) {
    const ratio = sample.perSecond / medians[0].perSecond;
    rows.push({ setting: SETTINGS[index].name, bytes, ratio, ...sample });
  }
}

for (const bytes of documents) {
  const all: LineProcess[] = [];
  try {
    for (const setting of SETTINGS) {
      all.push(await LineProcess.start(command(setting, bytes), "wall"));
    }
    await measure(bytes, all);
  } finally {
    for (const pairs of all) await pairs.close();
  }
}
console.log("");
printTable(
  [
    ...["", "document bytes", "requests/s", "times one cell", "cores used", "by the supervisor"],
    "per second of a core",
  ],
  rows.map(({ setting, bytes, perSecond, ratio, supervisor, all }) => [
    setting,
    String(bytes),
    perSecond.toFixed(0),
    ratio.toFixed(2),
    all.toFixed(2),
    supervisor.toFixed(2),
    (perSecond / all).toFixed(0),
  ]),
);
const series = SETTINGS.filter(({ across }) => !across).length;
await save(
  "cells",
  { seconds, rows },
  documents.map((bytes) => ({
    label: `${bytes} bytes`,
    points: rows.filter((row) => row.bytes === bytes).slice(0, series)
      .map(({ ratio }, index) => [SETTINGS[index].cells, ratio] as const),
  })),
  { title: "What a second cell is worth", xLabel: "cells", yLabel: "times one cell" },
);
