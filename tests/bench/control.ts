/**
 * The control endpoint: create, inspect, list, stop and delete at 10, 1,000 and 10,000 VMs, and requests
 * while all cells are at full load.
 *
 *     deno task bench control [--sizes 10,1000,10000] [--only verbs|loaded]
 *
 * `denali up` runs in a process of its own with a data folder, so every change is on the disk before it
 * is acknowledged. The client shares the machine with it; 16 requests are under way at once where VMs
 * are changed, 1 where they are looked at. Full load: control/loaded.ts.
 */

import { parseArgs } from "@std/cli/parse-args";
import { loaded } from "./control/loaded.ts";
import { type Row, row, withServer } from "./control/rows.ts";
import { printTable, save } from "./report/report.ts";

const PARALLEL = 16;
/** Requests that look, and how long they may take at most. */
const LOOKS = 1000, LOOK_SECONDS = 3;

type Ask = (index: number) => Promise<unknown>;

/** `count` requests, so many at once, for at most so long. */
async function measure(
  verb: string,
  vms: number,
  count: number,
  parallel: number,
  ask: Ask,
  seconds = Infinity,
): Promise<Row> {
  const latencies: number[] = [];
  const start = performance.now();
  let next = 0;
  const work = async () => {
    while (next < count && performance.now() < start + seconds * 1000) {
      const index = next++;
      const sent = performance.now();
      await ask(index);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return row(verb, vms, latencies, performance.now() - start);
}

function verbs(vms: number): Promise<Row[]> {
  return withServer(async (server) => {
    const name = (index: number) => `vm${index}`;
    const vm = (index: number, verb = "") => `/v1/vms/${name(index % vms)}${verb}`;
    const request = { image: "idle", memory: "1M" };
    const all = (verb: string, ask: Ask) => measure(verb, vms, vms, PARALLEL, ask);
    const look = (verb: string, ask: Ask) => measure(verb, vms, LOOKS, 1, ask, LOOK_SECONDS);
    return [
      await all("create", (index) => server.create({ ...request, name: name(index) })),
      await look("inspect", (index) => server.request("GET", vm(index * 7919))),
      await look("list 1,000", () => server.request("GET", "/v1/vms?limit=1000")),
      await look("metrics", () => server.request("GET", "/metrics")),
      await all("stop", (index) => server.request("POST", vm(index, "/stop"))),
      await all("delete", (index) => server.request("DELETE", vm(index))),
    ];
  });
}

const { sizes, only } = parseArgs(Deno.args, {
  string: ["sizes", "only"],
  default: { sizes: "10,1000,10000" },
});
const idle: Row[] = [];
if (only !== "loaded") {
  for (const size of sizes.split(",").map(Number)) idle.push(...await verbs(size));
}
const rows = only === "verbs" ? idle : [...idle, ...await loaded()];

printTable(
  ["request", "VMs", "requests", "per second", "p50 ms", "p99 ms"],
  rows.map(({ verb, vms, requests, perSecond, p50, p99 }) => [
    verb,
    String(vms),
    String(requests),
    perSecond.toFixed(0),
    p50.toFixed(2),
    p99.toFixed(2),
  ]),
);
const names = [...new Set(idle.map(({ verb }) => verb))];
await save(
  "control",
  { rows },
  names.map((label) => ({
    label,
    points: idle.filter(({ verb }) => verb === label).map(({ vms, p99 }) => [vms, p99]),
  })),
  {
    title: "The control endpoint: the 99th percentile of each request",
    xLabel: "virtual machines",
    yLabel: "milliseconds",
    logarithmicX: true,
  },
);
