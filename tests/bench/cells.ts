/**
 * What a second cell on a second core is worth: requests per second served by one cell and by two.
 *
 *     deno task bench cells [--seconds N] [--rounds N] [--bytes N,...]
 *
 * Clients are VMs too (tests/load/fetch.c, which checks every byte), so that no load generator takes
 * a core: each fetches from one server, both in the same cell, or from a server in the other cell. Rounds
 * are taken in turns, the order reversed from round to round; the medians count. The supervisor's thread
 * carries the frames between cells. Where the machine has other load, two cells do not get two cores:
 * the last column, requests per second of processor time, then says what the second cell costs.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests, buildImage } from "../../guests/build.ts";
import { describeImage, type StoredImage } from "../../supervisor/image/store.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { cpuTimes, usedBetween } from "../load/cpu.ts";
import { printTable, save } from "./report/report.ts";

const FETCH = ["../load/fetch.c", "../../guests/httpd/document.c"]
  .map((path) => new URL(path, import.meta.url).pathname);
const DOCUMENTS = [2258, 134_007];
const PAIRS = 8, MEMORY = 4 << 20, POOL = 256 << 20;
const WARM_SECONDS = 1;

interface Setting {
  readonly name: string;
  readonly cells: number;
  /** Each client's server is in the other cell. */
  readonly across: boolean;
}

const SETTINGS: readonly Setting[] = [
  { name: "one cell", cells: 1, across: false },
  { name: "two cells", cells: 2, across: false },
  { name: "two cells, to the other", cells: 2, across: true },
];

interface Sample {
  readonly perSecond: number;
  /** Seconds of processor per second: the supervisor's thread, all threads. */
  readonly supervisor: number;
  readonly all: number;
}

async function measure(
  { cells, across }: Setting,
  bytes: number,
  seconds: number,
  fetch: StoredImage,
): Promise<Sample> {
  const supervisor = await Supervisor.start({ cells, poolBytes: POOL });
  try {
    const servers = [];
    for (let n = 0; n < PAIRS; n++) {
      servers.push(await supervisor.create({ image: "httpd", memory: MEMORY }));
    }
    const clients = [];
    for (let n = 0; n < PAIRS; n++) {
      // VMs are placed in turns, so server n ^ 1 is in the other cell.
      const { address } = servers[across ? n ^ 1 : n];
      const words = [address, String(bytes), String((WARM_SECONDS + seconds) * 1000)];
      clients.push(
        await supervisor.createFrom(fetch, { memory: MEMORY, args: words, start: false }),
      );
    }
    for (const { id } of clients) await supervisor.start(id);
    await new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1000));
    const before = await cpuTimes(Deno.pid), begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, (seconds - 0.2) * 1000));
    const after = await cpuTimes(Deno.pid), passed = (performance.now() - begun) / 1000;
    const used = usedBetween(before, after);
    let perSecond = 0;
    for (const { id } of clients) {
      await supervisor.ended(id);
      const text = new TextDecoder().decode(supervisor.consoleHistory(id));
      const [, count, microseconds] = text.match(/^fetched (\d+) in (\d+) us/) ?? [];
      if (count === undefined) throw new Error(`a client failed: ${text}`);
      perSecond += Number(count) * 1e6 / Number(microseconds);
    }
    return { perSecond, supervisor: used.main / passed, all: used.total / passed };
  } finally {
    await supervisor.close();
  }
}

function median(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.perSecond - b.perSecond)[samples.length >> 1];
}

const flags = parseArgs(Deno.args, { string: ["seconds", "rounds", "bytes"] });
const seconds = Number(flags.seconds ?? 3), rounds = Number(flags.rounds ?? 3);
const documents: readonly number[] = flags.bytes?.split(",").map(Number) ?? DOCUMENTS;
await buildGuests(["httpd"]);
const fetch = await describeImage("fetch", await Deno.readFile(await buildImage(FETCH)));
const rows: (Sample & { setting: string; bytes: number; ratio: number })[] = [];
for (const bytes of documents) {
  const samples = SETTINGS.map(() => [] as Sample[]);
  for (let round = 0; round < rounds; round++) {
    const order = SETTINGS.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      samples[index].push(await measure(SETTINGS[index], bytes, seconds, fetch));
    }
  }
  const medians = samples.map(median);
  for (const [index, sample] of medians.entries()) {
    const ratio = sample.perSecond / medians[0].perSecond;
    rows.push({ setting: SETTINGS[index].name, bytes, ratio, ...sample });
  }
}
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
