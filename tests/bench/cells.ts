/**
 * What a second cell on a second core is worth: requests per second served by one cell and by two.
 *
 *     deno task bench cells [--seconds N] [--rounds N] [--bytes N,...]
 *
 * Clients are VMs too (tests/load/fetch.c, which checks every byte), so that no load generator takes
 * a core: each fetches from one server, both in the same cell, or from a server in the other cell. The
 * supervisor's thread carries the frames between cells. All settings are warmed up first
 * (scale/warm_up.ts): as long as V8 compiles on threads of its own, one cell takes more than a core. Then rounds
 * are taken in turns, the order reversed from round to round; the medians count. Where the machine has other
 * load, two cells do not get two cores: the last column, requests per second of processor time, then says
 * what the second cell costs.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { fetchImage, FetchingPairs, type Sample, type Setting } from "./cells/fetching_pairs.ts";
import { printTable, save } from "./report/report.ts";
import { warmUp, warmUpText } from "./scale/warm_up.ts";

const DOCUMENTS = [2258, 134_007];
const SETTINGS: readonly Setting[] = [
  { name: "one cell", cells: 1, across: false },
  { name: "two cells", cells: 2, across: false },
  { name: "two cells, to the other", cells: 2, across: true },
];

function median(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.perSecond - b.perSecond)[samples.length >> 1];
}

const flags = parseArgs(Deno.args, { string: ["seconds", "rounds", "bytes"] });
const seconds = Number(flags.seconds ?? 3), rounds = Number(flags.rounds ?? 5);
const documents: readonly number[] = flags.bytes?.split(",").map(Number) ?? DOCUMENTS;
await buildGuests(["httpd"]);
const fetch = await fetchImage();
const rows: (Sample & { setting: string; bytes: number; ratio: number })[] = [];
const all: FetchingPairs[] = [];
try {
  for (const setting of SETTINGS) all.push(await FetchingPairs.start(setting, fetch));
  for (const bytes of documents) {
    for (const pairs of all) {
      const warm = await warmUp((seconds) => pairs.window(bytes, seconds));
      console.log(`${pairs.setting.name}, ${bytes} bytes: ${warmUpText(warm)}`);
    }
    const samples = all.map(() => [] as Sample[]);
    for (let round = 0; round < rounds; round++) {
      const order = all.map((_, index) => index);
      for (const index of round % 2 === 0 ? order : order.reverse()) {
        samples[index].push(await all[index].window(bytes, seconds));
      }
    }
    const medians = samples.map(median);
    for (const [index, sample] of medians.entries()) {
      const ratio = sample.perSecond / medians[0].perSecond;
      rows.push({ setting: SETTINGS[index].name, bytes, ratio, ...sample });
    }
  }
} finally {
  for (const pairs of all) await pairs.close();
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
