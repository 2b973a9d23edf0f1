/**
 * How evenly VMs share the processor, and what a web server's clients feel of VMs that compute.
 *
 *     deno task bench fairness [--seconds N] [--spinners N] [--engine NAME]
 *
 * `denali up` runs in a process of its own with one cell; shares are differences of its counters of
 * instructions. A quantum is what a turn of a spinner took in the same minute. The web server is warmed up
 * first (scale/warm_up.ts). Rounds alone and beside the spinners take turns; all latencies count. It takes a
 * minute and a half at most.
 *
 * The load generator shares the machine with the server (one thread). Clients that ask again as soon as
 * they are answered keep the generator, the supervisor and the cell busy at once: on two cores, one of
 * which belongs to the cell that computes, that is more than there is, and the tail of their latencies
 * is how Linux shares the other core. For how many cores the server's threads waited is in the table. So
 * clients that think for a while are what tells of the scheduler of VMs.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { waitedForCore } from "../load/cpu.ts";
import { hostOf } from "../load/fleet.ts";
import { load, percentile } from "../load/load.ts";
import { TestServer } from "../load/server.ts";
import { printTable, save } from "./report/report.ts";
import { warmServer, warmUpText } from "./scale/warm_up.ts";

const WEIGHTS = [100, 200, 400], ROUNDS = 4, THINK_MS = 5;
const WEB = { host: hostOf("web"), path: "/" };
const LOADS = [
  { name: "1 at once again", connections: 1, ...WEB },
  { name: "4 at once again", connections: 4, ...WEB },
  { name: `4 after ${THINK_MS} ms`, connections: 4, thinkMs: THINK_MS, ...WEB },
  // No VM, and no scheduler of VMs, has a part in it.
  { name: "1, of no VM", connections: 1, host: "127.0.0.1", path: "/healthz" },
];
const WINDOW_MS = 1000;

interface Found {
  /** Milliseconds. */
  readonly latencies: number[];
  /** Seconds for which threads of the server had no core. */
  readonly waited: number;
}

interface Row {
  readonly id: number;
  readonly instructions: number;
  readonly quanta: number;
}

/** What each VM executes in a second or a little more. */
async function shares(
  server: TestServer,
  what: "instructions" | "quanta" = "instructions",
): Promise<Map<number, number>> {
  const before: Row[] = await server.request("GET", "/v1/stats");
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const after: Row[] = await server.request("GET", "/v1/stats");
  return new Map(
    after.map((row, i) => [row.id, row[what] - before[i][what]]),
  );
}

/** 1 if all are equal, 1 / n if one has everything (Jain, Chiu and Hawe, 1984). */
function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b), squares = values.reduce((a, b) => a + b * b, 0);
  return sum * sum / (values.length * squares);
}

async function onServer<T>(args: string[], use: (server: TestServer) => Promise<T>): Promise<T> {
  const server = await TestServer.start({ args: ["--cells", "1", ...args] });
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

const spin = (server: TestServer, name: string, cpuWeight = 100) =>
  server.request("POST", "/v1/vms", { name, image: "spin", memory: "1M", cpuWeight });

const flags = parseArgs(Deno.args, { string: ["seconds", "spinners", "engine"] });
const seconds = Number(flags.seconds ?? 1.5), spinners = Number(flags.spinners ?? 50);
const args = flags.engine === undefined ? [] : ["--engine", flags.engine];
await buildGuests(["httpd", "spin"]);

const weighted = await onServer(args, async (server) => {
  const vms = [];
  for (const weight of WEIGHTS) vms.push(await spin(server, `weight-${weight}`, weight));
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const counts = await shares(server);
  const total = WEIGHTS.reduce((a, b) => a + b), sum = [...counts.values()].reduce((a, b) => a + b);
  return vms.map(({ id }, i) => ({
    weight: WEIGHTS[i],
    expected: WEIGHTS[i] / total,
    got: counts.get(id)! / sum,
  }));
});

const { index, quantumMs, found, warm } = await onServer(args, async (server) => {
  await server.create({ name: "web", image: "httpd" });
  const { address } = server;
  const warm = await warmServer(server, {
    address,
    hosts: [WEB.host],
    path: WEB.path,
    connections: 4,
  });
  for (let i = 0; i < spinners; i++) await spin(server, `spin-${i}`);
  await new Promise((resolve) => setTimeout(resolve, 2 * WINDOW_MS));
  const counts = await shares(server);
  counts.delete(1);
  const quanta = await shares(server, "quanta");
  quanta.delete(1);
  const perSecond = [...quanta.values()].reduce((a, b) => a + b) / WINDOW_MS * 1000;
  const found = new Map<string, Found>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const beside of round % 2 === 0 ? [false, true] : [true, false]) {
      const verb = beside ? "resume" : "pause";
      for (const vm of await server.request("GET", "/v1/vms")) {
        if (vm.image === "spin" && (vm.state === "paused") === beside) {
          await server.request("POST", `/v1/vms/${vm.id}/${verb}`);
        }
      }
      for (const { name, host, ...order } of LOADS) {
        const key = `${name} ${beside}`;
        const before = await waitedForCore(server.pid);
        const result = await load({ address, hosts: [host], ...order, seconds });
        const waited = Math.max(0, await waitedForCore(server.pid) - before);
        const failures = Object.entries(result.failures);
        if (failures.length > 0) throw new Error(`requests failed: ${JSON.stringify(failures)}`);
        const sofar = found.get(key) ?? { latencies: [], waited: 0 };
        sofar.latencies.push(...result.latencies);
        found.set(key, { ...sofar, waited: sofar.waited + waited });
      }
    }
  }
  for (const { latencies } of found.values()) latencies.sort((a, b) => a - b);
  return {
    index: jain([...counts.values()]),
    quantumMs: 1000 / perSecond,
    found,
    warm,
  };
});

printTable(
  ["weight", "share expected", "share got", "off by"],
  weighted.map(({ weight, expected, got }) => [
    String(weight),
    expected.toFixed(4),
    got.toFixed(4),
    `${((got / expected - 1) * 100).toFixed(2)} %`,
  ]),
);
console.log(`\n${spinners} spinners of equal weight over a second: Jain index ${index.toFixed(4)}`);
console.log(`a quantum took ${quantumMs.toFixed(2)} ms; the web server was ${warmUpText(warm)}\n`);
const rows = LOADS.map(({ name }) => {
  const both = [false, true].map((beside) => found.get(`${name} ${beside}`)!);
  const latencies = both.map((each) => each.latencies);
  const p99 = latencies.map((values) => percentile(values, 0.99));
  return {
    name,
    p50: latencies.map((values) => percentile(values, 0.5)),
    p99,
    perSecond: latencies.map((values) => values.length / (seconds * ROUNDS)),
    waited: both.map(({ waited }) => waited / (seconds * ROUNDS)),
    quanta: (p99[1] - p99[0]) / quantumMs,
  };
});
const two = (values: number[], digits: number) => values.map((value) => value.toFixed(digits));
printTable(
  [
    "clients",
    "p50 ms alone",
    "beside",
    "p99 ms alone",
    "beside",
    "quanta more",
    "req/s",
    "beside",
    "waits for a core",
    "beside",
  ],
  rows.map(({ name, p50, p99, quanta, perSecond, waited }) => [
    name,
    ...two(p50, 2),
    ...two(p99, 2),
    quanta.toFixed(2),
    ...two(perSecond, 0),
    ...two(waited, 2),
  ]),
);
const curve = (label: string, values: ArrayLike<number>) => ({
  label,
  points: [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
    .map((part) => [part * 100, percentile(values, part)] as const),
});
await save(
  "fairness",
  { weighted, spinners, jain: index, quantumMs, warm, rows },
  LOADS.flatMap(({ name }) => [
    curve(`clients ${name}, alone`, found.get(`${name} false`)!.latencies),
    curve(`clients ${name}, beside ${spinners}`, found.get(`${name} true`)!.latencies),
  ]),
  {
    title: "A web server alone and beside VMs that compute",
    xLabel: "percentile",
    yLabel: "milliseconds",
  },
);
