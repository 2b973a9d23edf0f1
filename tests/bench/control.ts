/**
 * The control endpoint: create, inspect, list, stop and delete at 10, 1,000 and 10,000 VMs, and a request
 * while all cells are at full load.
 *
 *     deno task bench control [--sizes 10,1000,10000]
 *
 * `denali up` runs in a process of its own with a data folder, so every change is on the disk before it
 * is acknowledged. The client shares the machine with it; 16 requests are under way at once where VMs
 * are changed, 1 where they are looked at. The last rows ask for a VM every 20 ms, whatever became of
 * the request before, while each cell runs two VMs that never wait; beside it stands how late a timer of
 * the client comes at the same time, which is what the host's scheduler takes.
 */

import { parseArgs } from "@std/cli/parse-args";
import { idleGuest, spinGuest } from "../../supervisor/testing/guests.ts";
import { percentile } from "../load/load.ts";
import { TestServer } from "../load/server.ts";
import { printTable, save } from "./report/report.ts";

const PARALLEL = 16;
/** Requests that look, and how long they may take at most. */
const LOOKS = 1000, LOOK_SECONDS = 3;
const LOADED_EVERY_MS = 20, LOADED_SECONDS = 6, SPINNERS_PER_CELL = 2;

interface Row {
  readonly verb: string;
  readonly vms: number;
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

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

function row(verb: string, vms: number, latencies: number[], milliseconds: number): Row {
  latencies.sort((a, b) => a - b);
  return {
    verb,
    vms,
    requests: latencies.length,
    perSecond: latencies.length / milliseconds * 1000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

async function withServer(test: (server: TestServer) => Promise<Row[]>): Promise<Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "denali-bench-control-" });
  const server = await TestServer.start({ args: ["--data", folder] });
  try {
    for (const [name, body] of [["idle", idleGuest()], ["spin", spinGuest()]] as const) {
      const response = await fetch(`${server.url}/v1/images?name=${name}`, {
        method: "POST",
        body,
      });
      if (!response.ok) throw new Error(await response.text());
      await response.body?.cancel();
    }
    return await test(server);
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
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

/** An open loop: that one request is slow does not put off the next. */
function loaded(): Promise<Row[]> {
  return withServer(async (server) => {
    const { capacity } = await server.request("GET", "/v1/system");
    const spinners = capacity.cells * SPINNERS_PER_CELL;
    for (let index = 0; index < spinners; index++) {
      await server.create({ name: `spin${index}`, image: "spin", memory: "1M" });
    }
    const latencies: number[] = [];
    const lateness: number[] = [];
    const waiting: Promise<void>[] = [];
    const start = performance.now();
    for (let n = 0; performance.now() < start + LOADED_SECONDS * 1000; n++) {
      const due = start + n * LOADED_EVERY_MS;
      const early = due - performance.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      const sent = performance.now();
      if (early > 0) lateness.push(sent - due);
      const answer = server.request("GET", `/v1/vms/spin${n % spinners}`);
      waiting.push(answer.then(() => void latencies.push(performance.now() - sent)));
    }
    await Promise.all(waiting);
    const milliseconds = performance.now() - start;
    return [
      row("inspect at full load", spinners, latencies, milliseconds),
      row("a timer of the client then", spinners, lateness, milliseconds),
    ];
  });
}

const { sizes } = parseArgs(Deno.args, { string: ["sizes"], default: { sizes: "10,1000,10000" } });
const rows: Row[] = [];
for (const size of sizes.split(",").map(Number)) rows.push(...await verbs(size));
rows.push(...await loaded());

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
const names = [...new Set(rows.map(({ verb }) => verb))].filter((verb) => !/load|timer/.test(verb));
await save(
  "control",
  { rows },
  names.map((label) => ({
    label,
    points: rows.filter(({ verb }) => verb === label).map(({ vms, p99 }) => [vms, p99]),
  })),
  {
    title: "The control endpoint: the 99th percentile of each request",
    xLabel: "virtual machines",
    yLabel: "milliseconds",
    logarithmicX: true,
  },
);
