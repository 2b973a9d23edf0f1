/**
 * Web servers with most of their memory in swap: throughput of fleets of up to 10,000 in a pool of 128 MiB, by the size of the swap's clusters, against the same fleets in 2 GiB.
 *
 *     deno task bench scale_swap [--full] [--sizes N,...] [--clusters 4K,...] [--alphas A,...]
 *                                [--bytes N,...] [--seconds N] [--pool SIZE] [--engine NAME]
 *
 * As `scale`, warm-up included; each pool has a server of its own. The quick form has the document of 2,258
 * bytes only and takes about 3 minutes on a quiet machine of two cores, the full one less than 10. Swap is a file that Linux keeps in its page cache as long
 * as it has room: what is measured is the cost of paging, not of a disk. Frames are those of 4 KiB.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { printTable, save } from "./report/report.ts";
import { GrowingFleet, type Sample } from "./scale/growing_fleet.ts";
import { WARM_UP_COLUMNS, type WarmUp, warmUpCells } from "./scale/warm_up.ts";

const CONNECTIONS = 32, WARM_LIMIT_SECONDS = 20;
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

interface Row extends Sample {
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

async function measure(swap: string): Promise<Row[]> {
  const memory = swap === IN_CORE ? ["--pool", "2G"] : ["--pool", pool, "--swap-cluster", swap];
  const fleet = await GrowingFleet.start(["--cells", "1", ...memory, ...engine]);
  const rows: Row[] = [];
  try {
    for (const size of sizes) {
      await fleet.grow(size);
      await fleet.checkAll();
      for (const bytes of documents) {
        const warm = await fleet.warmUp(bytes, ends, CONNECTIONS, WARM_LIMIT_SECONDS);
        warmUps.push({ swap, vms: size, bytes, ...warm });
        for (const alpha of alphas) rows.push(await measureLoad(fleet, swap, bytes, alpha));
      }
    }
  } finally {
    await fleet.stop();
  }
  return rows;
}

async function measureLoad(
  fleet: GrowingFleet,
  swap: string,
  bytes: number,
  alpha: number,
): Promise<Row> {
  const before = await fleet.server.request("GET", "/v1/system");
  const sample = await fleet.load(bytes, alpha, { seconds, connections: CONNECTIONS });
  const { frames, swap: counters } = await fleet.server.request("GET", "/v1/system");
  const failures = Object.entries(sample.failures);
  if (failures.length > 0) throw new Error(`requests failed: ${JSON.stringify(failures)}`);
  const requests = Math.max(1, sample.answered);
  const rate = sample.requestsPerSecond.toFixed(0);
  console.log(`${swap}, ${fleet.size} VMs, ${bytes} bytes, alpha ${alpha}: ${rate}/s`);
  return {
    ...sample,
    swap,
    residentFrames: counters.resident,
    swappedFrames: counters.swapped,
    freeFrames: frames.free,
    faults: (counters.faults - before.swap.faults) / requests,
    pageIns: (counters.pageIns - before.swap.pageIns) / requests,
  };
}

await buildGuests(["httpd"]);
const inCore = await measure(IN_CORE);
const rows = [...inCore];
for (const cluster of clusters) rows.push(...await measure(cluster));

/** Requests per second against the same fleet in core. */
function ofInCore({ vms, bytes, alpha, requestsPerSecond }: Row): number {
  const same = inCore.find((row) => row.vms === vms && row.bytes === bytes && row.alpha === alpha)!;
  return requestsPerSecond / same.requestsPerSecond;
}

console.log(
  `\nwarm-up before each document, at alpha ${
    ends.join(" and ")
  }: µs of the server's processor time\n`,
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
    `${(ofInCore(row) * 100).toFixed(0)} %`,
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
  [IN_CORE, ...clusters].map((swap) => ({
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
