/**
 * Throughput and latency of fleets of 1 to 10,000 web servers in one pool of 2 GiB.
 *
 *     deno task bench scale [--full] [--sizes 1,100,...] [--bytes N,...] [--alphas A,...]
 *                           [--beside N] [--seconds N] [--cells N] [--engine NAME]
 *
 * Without --cells there are as many as `denali up` has by itself: one for each core, and a pool for each.
 * One cell serves about half as many requests, with twice the latency, and leaves the other core idle.
 *
 * Requests are spread over the fleet by Zipf's law and sent in a closed loop over 32 connections; the
 * load generator shares the machine with the server, and what it takes of it is in the table. One server
 * grows from size to size. Before a document is measured every VM serves it once and the server is warmed
 * up (scale/warm_up.ts), by one rule for all sizes. At last the whole fleet and one of 100 (--beside; 0: none)
 * in a server of its own are loaded in turns (scale/turns.ts): that is what the two are compared by.
 *
 * The quick form, which is the default, leaves out some sizes and exponents. On a machine of two cores the full
 * one took 11 minutes without the comparison, which has not been timed.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { printTable, save } from "./report/report.ts";
import { GrowingFleet, type Growth, type Memory, type Sample } from "./scale/growing_fleet.ts";
import { loadInTurns, type Turns } from "./scale/turns.ts";
import { WARM_UP_COLUMNS, type WarmUp, warmUpCells } from "./scale/warm_up.ts";

const CONNECTIONS = 32;
/** Windows of each fleet when two are compared. */
const ROUNDS = 5;
const QUICK = { sizes: [1, 100, 1000, 10_000], alphas: [0, 1], seconds: 2 };
const FULL = {
  sizes: [1, 10, 100, 1000, 2000, 5000, 10_000],
  alphas: [0, 0.8, 1, 1.2],
  seconds: 3,
};
const DOCUMENTS = [2258, 134_007];

const flags = parseArgs(Deno.args, {
  boolean: ["full"],
  string: ["sizes", "bytes", "alphas", "beside", "seconds", "cells", "engine"],
});
const form = flags.full ? FULL : QUICK;
const numbers = (text: string | undefined, otherwise: number[]) =>
  text === undefined ? otherwise : text.split(",").map(Number);
const sizes = numbers(flags.sizes, form.sizes);
const documents = numbers(flags.bytes, DOCUMENTS);
const alphas = numbers(flags.alphas, form.alphas);
const ends = [...new Set([alphas[0], alphas[alphas.length - 1]])];
const seconds = Number(flags.seconds ?? form.seconds);
const beside = Number(flags.beside ?? 100);

await buildGuests(["httpd"]);
const samples: Sample[] = [], growths: Growth[] = [], memories: Memory[] = [];
const warmUps: (WarmUp & { vms: number; bytes: number })[] = [];
const pairs: Turns[][] = [];
const server = [
  ...["--pool", "2G"],
  ...flags.cells === undefined ? [] : ["--cells", flags.cells],
  ...flags.engine === undefined ? [] : ["--engine", flags.engine],
];
const fleet = await GrowingFleet.start(server);
try {
  for (const size of sizes) {
    growths.push(await fleet.grow(size));
    await fleet.checkAll();
    memories.push(await fleet.memory());
    for (const bytes of documents) {
      warmUps.push({ vms: size, bytes, ...await fleet.warmUp(bytes, ends, CONNECTIONS) });
      for (const alpha of alphas) {
        const sample = await fleet.load(bytes, alpha, { seconds, connections: CONNECTIONS });
        samples.push(sample);
        const { requestsPerSecond, failures } = sample;
        console.log(
          `${size} VMs, ${bytes} bytes, alpha ${alpha}: ${requestsPerSecond.toFixed(0)}/s`,
          ...Object.keys(failures).length > 0 ? [JSON.stringify(failures)] : [],
        );
      }
    }
  }
  if (beside > 0 && beside < fleet.size) await compare();
} finally {
  await fleet.stop();
}

/** Loads the fleet and one of `beside` in turns. */
async function compare(): Promise<void> {
  const small = await GrowingFleet.start(server);
  try {
    await small.grow(beside);
    for (const bytes of documents) {
      for (const each of [small, fleet]) await each.warmUp(bytes, ends, CONNECTIONS);
      for (const alpha of ends) {
        const order = { bytes, alpha, connections: CONNECTIONS, seconds, rounds: ROUNDS };
        pairs.push(await loadInTurns([small, fleet], order));
      }
    }
  } finally {
    await small.stop();
  }
}

console.log("");
printTable(
  ["VMs", "boots/s", "resident frames", "frames/VM", "free frames", "process MiB"],
  memories.map(({ vms, residentFrames, freeFrames, processBytes }, i) => [
    String(vms),
    ((vms - (growths[i - 1]?.vms ?? 0)) / growths[i].seconds).toFixed(0),
    String(residentFrames),
    (residentFrames / vms).toFixed(1),
    String(freeFrames),
    (processBytes / 2 ** 20).toFixed(0),
  ]),
);
const extremes = ends.join(" and ");
console.log(
  `\nwarm-up before each document, at alpha ${extremes}: µs of the server's processor time\n`,
);
printTable(
  ["VMs", "bytes", ...WARM_UP_COLUMNS],
  warmUps.map((warm) => [String(warm.vms), String(warm.bytes), ...warmUpCells(warm)]),
);
console.log(
  "\nevery VM answered as itself at every size; cores: what each used of the machine's\n",
);
printTable(
  [
    "VMs",
    "bytes",
    "alpha",
    "req/s",
    "p50 ms",
    "p99 ms",
    "server cores",
    "of it main",
    "load cores",
    "server µs/req",
  ],
  samples.map((sample) => [
    String(sample.vms),
    String(sample.bytes),
    String(sample.alpha),
    sample.requestsPerSecond.toFixed(0),
    sample.p50.toFixed(2),
    sample.p99.toFixed(2),
    (sample.mainCores + sample.otherCores).toFixed(2),
    sample.mainCores.toFixed(2),
    sample.loadCores.toFixed(2),
    sample.serverMicroseconds.toFixed(0),
  ]),
);
if (pairs.length > 0) {
  const percent = (ratio: number) => `${(100 * ratio).toFixed(0)} %`;
  console.log(`\n${fleet.size} VMs against ${beside} in a server beside it, in turns; medians\n`);
  printTable(
    [
      "bytes",
      "alpha",
      `req/s of ${beside}`,
      `of ${fleet.size}`,
      "ratio",
      "least",
      "most",
      "µs/req",
    ],
    pairs.map(([small, large]) => [
      ...[large.bytes, large.alpha].map(String),
      ...[small, large].map(({ requestsPerSecond }) => requestsPerSecond.toFixed(0)),
      ...[large.ratio.median, large.ratio.least, large.ratio.most].map(percent),
      [small, large].map(({ serverMicroseconds }) => serverMicroseconds.toFixed(0)).join(" / "),
    ]),
  );
}
const series = documents.flatMap((bytes) =>
  alphas.map((alpha) => ({
    label: `${bytes} bytes, alpha ${alpha}`,
    points: samples.filter((sample) => sample.bytes === bytes && sample.alpha === alpha)
      .map(({ vms, requestsPerSecond }) => [vms, requestsPerSecond] as const),
  }))
);
await save(
  "scale",
  { seconds, connections: CONNECTIONS, growths, memories, warmUps, samples, pairs },
  series,
  {
    title: "Web servers in a pool of 2 GiB",
    xLabel: "virtual machines",
    yLabel: "requests per second",
    logarithmicX: true,
  },
);
