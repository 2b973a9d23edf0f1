/**
 * The three design claims of the 2002 paper, each mechanism against what it replaces: throughput of web servers by number of VMs.
 *
 *     deno task bench claims [--full] [--sizes N,...] [--seconds N] [--rounds N] [--bytes N]
 *                            [--engine NAME]
 *
 * Batched against synchronous interrupts (2002: up to 30 % more), idling with a timeout against spinning
 * (more than twice), a NIC of one operation per frame against one of a dozen (42 % less cost on receive).
 * `denali up` runs in a process of its own with one cell; the load generator shares the machine with it
 * (one thread, closed loop, 16 connections that walk through all VMs). Each setting has a server of its
 * own whose fleet grows from size to size, warmed up at each (scale/warm_up.ts). The full form has two
 * rounds, the second with the settings in reversed order; means count. Beside the throughput stands what
 * the cell's thread spent on a request, because throughput also ends where the gateway or the load
 * generator does, and what the kernel counted, which says why. On a quiet machine of two cores the quick
 * form takes about 3 minutes, the full one less than 10.
 */

import { parseArgs } from "@std/cli/parse-args";
import { ENGINE_NAMES } from "../../cpu/engine_settings.ts";
import { buildGuests } from "../../guests/build.ts";
import { cpuTimes, usedBetween } from "../load/cpu.ts";
import { fetchPage, hostOf } from "../load/fleet.ts";
import { load } from "../load/load.ts";
import { TestServer } from "../load/server.ts";
import { type ReceiveCost, receiveCost } from "./claims/receive.ts";
import { printTable, save } from "./report/report.ts";
import { WARM_UP_COLUMNS, warmServer, type WarmUp, warmUpCells } from "./scale/warm_up.ts";

const CONNECTIONS = 16, BYTES = 100_000;
const QUICK = { sizes: [10, 100], rounds: 1 }, FULL = { sizes: [1, 10, 50, 100], rounds: 2 };
/** A server's first warm-up, and those after its fleet has grown. VMs that spin never get steady. */
const WARM_LIMIT_SECONDS = 20, WARMER_LIMIT_SECONDS = 10;

const SETTINGS = [
  { name: "as usual", claim: "", args: [] },
  { name: "synchronous", claim: "batched interrupts", args: ["--interrupts", "synchronous"] },
  { name: "spin", claim: "idle with timeout", args: ["--idle", "spin"] },
  { name: "simple", claim: "rings and offload", args: ["--nic", "simple"] },
  { name: "pio12", claim: "simple NIC", args: ["--nic", "pio12"] },
] as const;

interface Sample {
  readonly warm: WarmUp;
  readonly perSecond: number;
  /** Requests that were not answered in time: spinning VMs keep each other from it. */
  readonly failed: number;
  /** Milliseconds of the cell's thread per request. */
  readonly cellMs: number;
  /** Per request: thousand instructions of guests, upcalls for interrupts, turns, context switches. */
  readonly kiloInstructions: number;
  readonly interrupts: number;
  readonly quanta: number;
  readonly switches: number;
}

interface Row extends Sample {
  readonly name: string;
  readonly claim: string;
  readonly vms: number;
}

type Counter = "instructions" | "interrupts" | "quanta" | "switches";

/** The counters of the server's only cell. */
async function counters(server: TestServer): Promise<Readonly<Record<Counter, number>>> {
  return (await server.request("GET", "/v1/system")).cells[0];
}

/** A server among a hundred that spin may take seconds to boot. */
const BOOT_TRIES = 20;

const nameOf = (index: number) => `vm-${index + 1}`;

/** Boots VMs `from` to `to` at once, and waits until each has answered. */
async function boot(server: TestServer, from: number, to: number): Promise<void> {
  const names = Array.from({ length: to - from }, (_, index) => nameOf(from + index));
  for (const name of names) await server.create({ name, image: "httpd", memory: "16M" });
  for (const name of names) {
    for (let left = BOOT_TRIES; left > 0; left--) {
      const failure = await fetchPage(server.address, name).then(() => null, (error) => error);
      if (failure === null) break;
      if (left === 1) throw failure;
    }
  }
}

/** Measures a setting with fleets of all sizes. */
async function measureSetting(args: readonly string[]): Promise<Sample[]> {
  const server = await TestServer.start({ args: ["--cells", "1", ...engine, ...args] });
  try {
    const samples: Sample[] = [];
    for (const [index, vms] of sizes.entries()) {
      await boot(server, index === 0 ? 0 : sizes[index - 1], vms);
      const limit = index === 0 ? WARM_LIMIT_SECONDS : WARMER_LIMIT_SECONDS;
      samples.push(await measure(server, vms, limit));
    }
    return samples;
  } finally {
    await server.stop();
  }
}

async function measure(server: TestServer, vms: number, warmLimit: number): Promise<Sample> {
  const order = {
    address: server.address,
    hosts: Array.from({ length: vms }, (_, index) => hostOf(nameOf(index))),
    path: `/doc?bytes=${bytes}`,
    connections: CONNECTIONS,
  };
  const warm = await warmServer(server, order, warmLimit);
  const counted = await counters(server), before = await cpuTimes(server.pid);
  const result = await load({ ...order, seconds });
  const used = usedBetween(before, await cpuTimes(server.pid)), after = await counters(server);
  const each = (name: Counter) => (after[name] - counted[name]) / result.answered;
  const failed = Object.values(result.failures).reduce((sum, count) => sum + count, 0);
  if (result.answered === 0) throw new Error(`no answer: ${JSON.stringify(result.failures)}`);
  return {
    warm,
    failed,
    perSecond: result.answered / result.seconds,
    cellMs: (used.total - used.main) * 1000 / result.answered,
    kiloInstructions: each("instructions") / 1000,
    interrupts: each("interrupts"),
    quanta: each("quanta"),
    switches: each("switches"),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value) / values.length;
}

const flags = parseArgs(Deno.args, {
  boolean: ["full"],
  string: ["sizes", "seconds", "rounds", "bytes", "engine"],
});
const form = flags.full ? FULL : QUICK;
const sizes: number[] = flags.sizes?.split(",").map(Number) ?? form.sizes;
const seconds = Number(flags.seconds ?? 2), rounds = Number(flags.rounds ?? form.rounds);
const bytes = Number(flags.bytes ?? BYTES);
const engine = flags.engine === undefined ? [] : ["--engine", flags.engine];
const engineName = ENGINE_NAMES.find((name) => name === flags.engine);
await buildGuests(["httpd"]);

/** By setting, round and size. */
const samples: Sample[][][] = SETTINGS.map(() => []);
for (let round = 0; round < rounds; round++) {
  const order = SETTINGS.map((_, index) => index);
  for (const index of round % 2 === 0 ? order : order.reverse()) {
    samples[index].push(await measureSetting(SETTINGS[index].args));
    console.log(`round ${round + 1}: ${SETTINGS[index].name} is measured`);
  }
}
const rows: Row[] = sizes.flatMap((vms, size) =>
  SETTINGS.map(({ name, claim }, index) => {
    const found = samples[index].map((sizes) => sizes[size]);
    const of = (key: Exclude<keyof Sample, "warm">) => mean(found.map((sample) => sample[key]));
    return {
      name,
      claim,
      vms,
      warm: found[0].warm,
      perSecond: of("perSecond"),
      failed: of("failed"),
      cellMs: of("cellMs"),
      kiloInstructions: of("kiloInstructions"),
      interrupts: of("interrupts"),
      quanta: of("quanta"),
      switches: of("switches"),
    };
  })
);
const received: { bytes: number; simple: ReceiveCost; pio12: ReceiveCost }[] = [];
for (const size of [60, 1514]) {
  const simple = await receiveCost({ nic: "simple" }, size, engineName);
  received.push({
    bytes: size,
    simple,
    pio12: await receiveCost({ nic: "pio12" }, size, engineName),
  });
}
const usual = (vms: number) => rows.find((row) => row.vms === vms && row.claim === "")!;
console.log("warm-up in the first round: µs of the server's processor time\n");
printTable(
  ["VMs", "setting", ...WARM_UP_COLUMNS],
  rows.map(({ vms, name, warm }) => [String(vms), name, ...warmUpCells(warm)]),
);
console.log();
printTable(
  [
    "VMs",
    "setting",
    "requests/s",
    "gain of the usual",
    "failed",
    "per request: cell ms",
    "more",
    "k instr.",
    "upcalls",
    "turns",
    "switches",
  ],
  rows.map(({ vms, name, claim, perSecond, cellMs, ...row }) => [
    String(vms),
    name,
    perSecond.toFixed(1),
    claim === "" ? "" : `${((usual(vms).perSecond / perSecond - 1) * 100).toFixed(0)} %`,
    String(row.failed),
    cellMs.toFixed(2),
    claim === "" ? "" : `${((cellMs / usual(vms).cellMs - 1) * 100).toFixed(0)} %`,
    row.kiloInstructions.toFixed(0),
    row.interrupts.toFixed(1),
    row.quanta.toFixed(1),
    row.switches.toFixed(1),
  ]),
);
console.log();
printTable(
  ["to receive a frame", "µs simple", "pio12", "more", "instructions simple", "pio12"],
  received.map(({ bytes, simple, pio12 }) => [
    `${bytes} bytes`,
    simple.microseconds.toFixed(2),
    pio12.microseconds.toFixed(2),
    `${((pio12.microseconds / simple.microseconds - 1) * 100).toFixed(0)} %`,
    simple.instructions.toFixed(0),
    pio12.instructions.toFixed(0),
  ]),
);
await save(
  "claims",
  { bytes, seconds, connections: CONNECTIONS, rows, received },
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
