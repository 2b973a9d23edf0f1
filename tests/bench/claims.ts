/**
 * The three design claims of the 2002 paper, each mechanism against what it replaces: throughput of web servers by number of VMs.
 *
 *     deno task bench claims [--sizes N,...] [--seconds N] [--rounds N] [--bytes N] [--engine NAME]
 *
 * Batched against synchronous interrupts (2002: up to 30 % more), idling with a timeout against spinning
 * (more than twice), a NIC of one operation per frame against one of a dozen (42 % less cost on receive).
 * `denali up` runs in a process of its own with one cell; the load generator shares the machine with it
 * (one thread, closed loop, 16 connections that walk through all VMs). Settings are taken in turns, the
 * order reversed from round to round; medians count. Beside the throughput stands what the cell's thread
 * spent on a request, because throughput also ends where the gateway or the load generator does.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { cpuTimes, usedBetween } from "../load/cpu.ts";
import { fetchPage, hostOf } from "../load/fleet.ts";
import { load } from "../load/load.ts";
import { TestServer } from "../load/server.ts";
import { printTable, save } from "./report/report.ts";

const SIZES = [1, 10, 50, 100], CONNECTIONS = 16, BYTES = 100_000;

const SETTINGS = [
  { name: "as usual", claim: "", args: [] },
  { name: "synchronous", claim: "batched interrupts", args: ["--interrupts", "synchronous"] },
  { name: "spin", claim: "idle with timeout", args: ["--idle", "spin"] },
  { name: "pio12", claim: "simple NIC", args: ["--nic", "pio12"] },
] as const;

interface Sample {
  readonly perSecond: number;
  /** Requests that were not answered in time: spinning VMs keep each other from it. */
  readonly failed: number;
  /** Milliseconds of the cell's thread per request. */
  readonly cellMs: number;
}

/** A server among a hundred that spin may take seconds to boot. */
const BOOT_TRIES = 20;

/** Boots all at once, and waits until each has answered. */
async function boot(server: TestServer, vms: number): Promise<string[]> {
  const names = Array.from({ length: vms }, (_, index) => `vm-${index + 1}`);
  for (const name of names) await server.create({ name, image: "httpd", memory: "16M" });
  for (const name of names) {
    for (let left = BOOT_TRIES; left > 0; left--) {
      const failure = await fetchPage(server.address, name).then(() => null, (error) => error);
      if (failure === null) break;
      if (left === 1) throw failure;
    }
  }
  return names;
}

async function measure(args: readonly string[], vms: number): Promise<Sample> {
  const server = await TestServer.start({ args: ["--cells", "1", ...engine, ...args] });
  try {
    const names = await boot(server, vms);
    const order = {
      address: server.address,
      hosts: names.map(hostOf),
      path: `/doc?bytes=${bytes}`,
      connections: CONNECTIONS,
    };
    await load({ ...order, seconds: 1 });
    const before = await cpuTimes(server.pid);
    const result = await load({ ...order, seconds });
    const used = usedBetween(before, await cpuTimes(server.pid));
    const failed = Object.values(result.failures).reduce((sum, count) => sum + count, 0);
    if (result.answered === 0) throw new Error(`no answer: ${JSON.stringify(result.failures)}`);
    return {
      failed,
      perSecond: result.answered / result.seconds,
      cellMs: (used.total - used.main) * 1000 / result.answered,
    };
  } finally {
    await server.stop();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const flags = parseArgs(Deno.args, { string: ["sizes", "seconds", "rounds", "bytes", "engine"] });
const sizes = flags.sizes?.split(",").map(Number) ?? SIZES;
const seconds = Number(flags.seconds ?? 3), rounds = Number(flags.rounds ?? 3);
const bytes = Number(flags.bytes ?? BYTES);
const engine = flags.engine === undefined ? [] : ["--engine", flags.engine];
await buildGuests(["httpd"]);

const rows: ({ name: string; claim: string; vms: number } & Sample)[] = [];
for (const vms of sizes) {
  const samples = SETTINGS.map(() => [] as Sample[]);
  for (let round = 0; round < rounds; round++) {
    const order = SETTINGS.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      samples[index].push(await measure(SETTINGS[index].args, vms));
    }
  }
  for (const [index, { name, claim }] of SETTINGS.entries()) {
    const of = (key: keyof Sample) => median(samples[index].map((sample) => sample[key]));
    const sample = { perSecond: of("perSecond"), failed: of("failed"), cellMs: of("cellMs") };
    rows.push({ name, claim, vms, ...sample });
  }
}
const usual = (vms: number) => rows.find((row) => row.vms === vms && row.claim === "")!;
printTable(
  ["VMs", "setting", "requests/s", "gain of the usual", "cell ms/request", "more", "failed"],
  rows.map(({ vms, name, claim, perSecond, cellMs, failed }) => [
    String(vms),
    name,
    perSecond.toFixed(1),
    claim === "" ? "" : `${((usual(vms).perSecond / perSecond - 1) * 100).toFixed(0)} %`,
    cellMs.toFixed(2),
    claim === "" ? "" : `${((cellMs / usual(vms).cellMs - 1) * 100).toFixed(0)} %`,
    String(failed),
  ]),
);
await save(
  "claims",
  { bytes, seconds, connections: CONNECTIONS, rows },
  SETTINGS.map(({ name, claim }) => ({
    label: claim === "" ? name : `${name} instead of ${claim}`,
    points: rows.filter((row) => row.name === name).map((row) => [row.vms, row.perSecond] as const),
  })),
  {
    title: `Throughput on a document of ${bytes} bytes`,
    xLabel: "virtual machines",
    yLabel: "requests per second",
    logarithmicX: true,
  },
);
