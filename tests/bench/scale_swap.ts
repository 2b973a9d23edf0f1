/**
 * Web servers with most of their memory in swap: throughput of fleets of up to 10,000 in a pool of 128 MiB,
 * by the size of the swap's clusters, against the same fleets in 2 GiB.
 *
 *     deno task bench scale_swap [--full] [--sizes N,...] [--clusters 4K,...] [--alphas A,...]
 *                                [--bytes N,...] [--seconds N] [--pool SIZE] [--engine NAME]
 *
 * As `scale`, warm-up included; each pool has a server of its own, all grow together, and they are loaded in
 * turns (scale/turns.ts). The quick form has the document of 2,258 bytes only. The full one took 22
 * minutes on a machine of two cores when it measured each way once. Swap is a file that Linux keeps in its page cache as
 * long as it has room: what is measured is the cost of paging, not of a disk. Frames are those of 4 KiB.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { printTable, save } from "./report/report.ts";
import { GrowingFleet } from "./scale/growing_fleet.ts";
import { loadInTurns, type Turns } from "./scale/turns.ts";
import { WARM_UP_COLUMNS, type WarmUp, warmUpCells } from "./scale/warm_up.ts";

const CONNECTIONS = 32, WARM_LIMIT_SECONDS = 20, ROUNDS = 3;
const QUICK = {
  sizes: "1000,10000",
  clusters: "4K,64K",
  alphas: "0,1",
  bytes: "2258",
  seconds: 2,
};
const FULL = {
  sizes: "1000,3000,10000",
  clusters: "4K,16K,64K,256K",
  alphas: "0,0.8,1,1.2",
  bytes: "2258,134007",
  seconds: 2,
};
/** The pool in which everything fits. */
const IN_CORE = "in core";

interface Row extends Turns {
  /** Size of a cluster, or IN_CORE. */
  readonly swap: string;
  /** Frames of VMs in memory, and in swap only. */
  readonly residentFrames: number;
  readonly swappedFrames: number;
  readonly freeFrames: number;
  /** Waits for a page, and pages read, per request. */
  readonly faults: number;
  readonly pageIns: number;
}

const flags = parseArgs(Deno.args, {
  boolean: ["full"],
  string: ["sizes", "clusters", "alphas", "bytes", "seconds", "pool", "engine"],
});
const form = flags.full ? FULL : QUICK;
const sizes: number[] = (flags.sizes ?? form.sizes).split(",").map(Number);
const alphas: number[] = (flags.alphas ?? form.alphas).split(",").map(Number);
const ends = [...new Set([alphas[0], alphas[alphas.length - 1]])];
const documents: number[] = (flags.bytes ?? form.bytes).split(",").map(Number);
const clusters: string[] = (flags.clusters ?? form.clusters).split(",");
const seconds = Number(flags.seconds ?? form.seconds), pool = flags.pool ?? "128M";
const engine = flags.engine === undefined ? [] : ["--engine", flags.engine];

const warmUps: (WarmUp & { swap: string; vms: number; bytes: number })[] = [];

/** A server for each way to have memory; the first has all of it in core. */
const ways = [IN_CORE, ...clusters];

async function start(swap: string): Promise<GrowingFleet> {
  const memory = swap === IN_CORE ? ["--pool", "2G"] : ["--pool", pool, "--swap-cluster", swap];
  return await GrowingFleet.start(["--cells", "1", ...memory, ...engine]);
}

async function measure(
  fleets: readonly GrowingFleet[],
  bytes: number,
  alpha: number,
): Promise<Row[]> {
  const system = () => Promise.all(fleets.map(({ server }) => server.request("GET", "/v1/system")));
  const before = await system();
  const order = { bytes, alpha, connections: CONNECTIONS, seconds, rounds: ROUNDS };
  const turns = await loadInTurns(fleets, order);
  const after = await system();
  return turns.map((own, i) => {
    const { frames, swap } = after[i], requests = Math.max(1, own.answered);
    const failures = Object.keys(own.failures);
    if (failures.length > 0) throw new Error(`requests failed: ${JSON.stringify(own.failures)}`);
    const name = `${ways[i]}, ${own.vms} VMs, ${bytes} bytes, alpha ${alpha}`;
    console.log(`${name}: ${own.requestsPerSecond.toFixed(0)}/s, ${percent(own.ratio.median)}`);
    return {
      ...own,
      swap: ways[i],
      residentFrames: swap.resident,
      swappedFrames: swap.swapped,
      freeFrames: frames.free,
      faults: (swap.faults - before[i].swap.faults) / requests,
      pageIns: (swap.pageIns - before[i].swap.pageIns) / requests,
    };
  });
}

const percent = (ratio: number) => `${(100 * ratio).toFixed(0)} %`;

await buildGuests(["httpd"]);
const rows: Row[] = [], fleets: GrowingFleet[] = [];
try {
  for (const swap of ways) fleets.push(await start(swap));
  for (const size of sizes) {
    for (const fleet of fleets) {
      await fleet.grow(size);
      await fleet.checkAll();
    }
    for (const bytes of documents) {
      for (const [i, fleet] of fleets.entries()) {
        const warm = await fleet.warmUp(bytes, ends, CONNECTIONS, WARM_LIMIT_SECONDS);
        warmUps.push({ swap: ways[i], vms: size, bytes, ...warm });
      }
      for (const alpha of alphas) rows.push(...await measure(fleets, bytes, alpha));
    }
  }
} finally {
  for (const fleet of fleets) await fleet.stop();
}

const extremes = ends.join(" and ");
console.log(
  `\nwarm-up before each document, at alpha ${extremes}: µs of the server's processor time\n`,
);
printTable(
  ["swap", "VMs", "bytes", ...WARM_UP_COLUMNS],
  warmUps.map((warm) => [warm.swap, String(warm.vms), String(warm.bytes), ...warmUpCells(warm)]),
);
console.log(
  "\nevery VM answered as itself at every size; cores: what each used of the machine's\n",
);
printTable(
  [
    ...[
      "swap",
      "VMs",
      "bytes",
      "alpha",
      "req/s",
      "of in core",
      "least",
      "p50 ms",
      "p99 ms",
      "server µs/req",
    ],
    ...["faults/req", "pages in/req", "resident", "in swap", "free", "server cores", "load cores"],
  ],
  rows.map((row) => [
    row.swap,
    String(row.vms),
    String(row.bytes),
    String(row.alpha),
    row.requestsPerSecond.toFixed(0),
    percent(row.ratio.median),
    percent(row.ratio.least),
    row.p50.toFixed(1),
    row.p99.toFixed(1),
    row.serverMicroseconds.toFixed(0),
    row.faults.toFixed(2),
    row.pageIns.toFixed(1),
    String(row.residentFrames),
    String(row.swappedFrames),
    String(row.freeFrames),
    (row.mainCores + row.otherCores).toFixed(2),
    row.loadCores.toFixed(2),
  ]),
);
const plotted = alphas.includes(1) ? 1 : alphas[0];
await save(
  "scale_swap",
  { seconds, pool, connections: CONNECTIONS, warmUps, rows },
  ways.map((swap) => ({
    label: swap === IN_CORE ? swap : `clusters of ${swap}`,
    points: rows.filter((row) =>
      row.swap === swap && row.alpha === plotted && row.bytes === documents[0]
    )
      .map(({ vms, requestsPerSecond }) => [vms, requestsPerSecond] as const),
  })),
  {
    title: `Web servers in a pool of ${pool}, ${documents[0]} bytes, alpha ${plotted}`,
    xLabel: "virtual machines",
    yLabel: "requests per second",
    logarithmicX: true,
  },
);
