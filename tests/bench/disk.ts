/**
 * Disks from VMs against the same file by fio: sequential and random, by queue depth, flush latency, and a
 * hundred VMs on one file; and kvd against redis-server with the same persistence, by redis-benchmark.
 * All go through the host's page cache; side by side, the order reversed from round to round, medians.
 * Guests are warm: a fresh one takes about ten seconds of load until the translator has seen all of it.
 *
 *     deno task bench disk [--milliseconds N] [--rounds N] [--file-size SIZE] [--folder DIR] [--vms N]
 *                          [--requests N] [--warm SECONDS] [--only fio|kvd]
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildImage } from "../../guests/build.ts";
import { describeImage } from "../../supervisor/image/store.ts";
import { parseSize } from "../../supervisor/size.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { type TalkingGuest, talkTo } from "../../supervisor/testing/talking_guest.ts";
import { fio } from "./disk/fio.ts";
import { COMMANDS, kvdInVm, redisServer } from "./disk/kvd.ts";
import { inVms, type Load, type Outcome } from "./disk/load.ts";
import { printTable, save } from "./report/report.ts";

const options = parseArgs(Deno.args, {
  string: ["milliseconds", "rounds", "file-size", "folder", "vms", "requests", "warm", "only"],
  default: {
    milliseconds: "500",
    rounds: "3",
    "file-size": "64M",
    vms: "100",
    requests: "20000",
    warm: "10",
  },
});
const warmMilliseconds = 1000 * Number(options.warm);
const milliseconds = Number(options.milliseconds), rounds = Number(options.rounds);
const vms = Number(options.vms);
const bytes = parseSize(options["file-size"])!;
const DEPTHS = [1, 4, 16, 64];

interface Case {
  readonly name: string;
  readonly vms: number;
  readonly load: Load;
}

interface Row extends Case {
  readonly vm: Outcome;
  readonly native: Outcome;
}

const KINDS = [
  { name: "read, 128 KiB sequential", operation: "read", pattern: "seq", blocks: 32 },
  { name: "write, 128 KiB sequential", operation: "write", pattern: "seq", blocks: 32 },
  { name: "read, 4 KiB random", operation: "read", pattern: "rand", blocks: 1 },
  { name: "write, 4 KiB random", operation: "write", pattern: "rand", blocks: 1 },
] as const;

const cases: Case[] = [
  ...KINDS.flatMap(({ name, ...kind }) =>
    DEPTHS.map((depth) => ({ name, vms: 1, load: { ...kind, depth, milliseconds } }))
  ),
  {
    name: "flush after a write of 4 KiB",
    vms: 1,
    load: { operation: "flush", pattern: "rand", blocks: 1, depth: 1, milliseconds },
  },
  ...KINDS.filter(({ operation }) => operation === "read").map(({ name, ...kind }) => ({
    name,
    vms,
    load: { ...kind, depth: 1, milliseconds },
  })),
];

const folder = await Deno.realPath(await Deno.makeTempDir({ dir: options.folder }));
const path = `${folder}/disk.img`;
try {
  await fill(path, bytes);
  const rows = options.only === "kvd" ? [] : await measure();
  if (rows.length > 0) report(rows);
  const kvd = options.only === "fio" ? [] : await compareKvd();
  await save("disk", { milliseconds, rounds, bytes, rows, kvd }, series(rows), {
    title: "Disk requests per second, VM / native",
    xLabel: "requests under way",
    yLabel: "ratio",
    logarithmicX: true,
  });
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** No zeros, and all of it in the page cache. */
async function fill(path: string, bytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(1 << 20);
  for (let done = 0; done < bytes; done += piece.length) {
    for (let i = 0; i < piece.length; i += 4096) piece.fill((done + i) >> 12, i, i + 4096);
    for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
  }
  await file.sync();
}

async function flush(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.syncData();
}

async function measure(): Promise<Row[]> {
  const outcomes = cases.map(() => ({ vm: [] as Outcome[], native: [] as Outcome[] }));
  for (const count of [1, vms]) {
    await withGuests(count, async (guests) => {
      const own = cases.filter(({ vms }) => vms === count);
      for (const { load } of own) {
        await inVms(guests, { ...load, milliseconds: warmMilliseconds / own.length });
      }
      for (let round = 0; round < rounds; round++) {
        for (const [index, { vms, load }] of cases.entries()) {
          if (vms !== count) continue;
          const { vm, native } = outcomes[index];
          const both = [
            async () => vm.push(await inVms(guests, load)),
            async () => native.push(await fio(path, { ...load, depth: load.depth * vms })),
          ];
          for (const run of round % 2 === 0 ? both : both.reverse()) {
            // What the one before has written is not to be flushed by this one.
            await flush(path);
            await run();
          }
        }
      }
    });
  }
  return cases.map((each, index) => ({
    ...each,
    vm: median(outcomes[index].vm),
    native: median(outcomes[index].native),
  }));
}

interface KvdRow {
  readonly appendfsync: string;
  readonly command: string;
  readonly kvd: number;
  readonly redis: number;
}

/** Requests per second of kvd and of redis-server. */
async function compareKvd(): Promise<KvdRow[]> {
  const rows: KvdRow[] = [];
  for (const appendfsync of ["always", "everysec"] as const) {
    const load = { folder, appendfsync, requests: Number(options.requests), clients: 50 };
    const kvd = await kvdInVm({ ...load, warmMilliseconds }), redis = await redisServer(load);
    for (const command of COMMANDS) {
      rows.push({ appendfsync, command, kvd: kvd[command], redis: redis[command] });
    }
  }
  console.log("");
  printTable(
    ["50 clients, requests per second", "appendfsync", "kvd in a VM", "redis-server", "ratio"],
    rows.map(({ appendfsync, command, kvd, redis }) => [
      command,
      appendfsync,
      kvd.toFixed(0),
      redis.toFixed(0),
      (kvd / redis).toFixed(3),
    ]),
  );
  return rows;
}

async function withGuests(
  count: number,
  work: (guests: TalkingGuest[]) => Promise<void>,
): Promise<void> {
  const source = new URL("disk/load.c", import.meta.url).pathname;
  const image = await describeImage("load", await Deno.readFile(await buildImage([source])));
  const supervisor = await Supervisor.start({
    cells: count === 1 ? 1 : undefined,
    network: false,
    disks: { files: [{ name: "disk", path }] },
  });
  try {
    const guests: TalkingGuest[] = [];
    for (let i = 0; i < count; i++) {
      const disks = [{ name: "disk", readOnly: count > 1 }];
      const { id } = await supervisor.createFrom(image, { memory: 16 << 20, disks });
      guests.push(talkTo(supervisor, id));
    }
    await work(guests);
  } finally {
    await supervisor.close();
  }
}

function median(outcomes: Outcome[]): Outcome {
  const middle = (key: keyof Outcome) =>
    outcomes.map((each) => each[key]).toSorted((a, b) => a - b)[outcomes.length >> 1];
  return { perSecond: middle("perSecond"), p50: middle("p50"), p99: middle("p99") };
}

function report(rows: readonly Row[]): void {
  const speed = ({ perSecond }: Outcome, blocks: number) =>
    blocks === 1
      ? `${(perSecond / 1000).toFixed(1)} k/s`
      : `${(perSecond * blocks / 256).toFixed(0)} MiB/s`;
  const time = (ns: number) => `${(ns / 1000).toFixed(0)} µs`;
  printTable(
    ["", "VMs", "depth", "VMs do", "fio does", "ratio", "p50", "fio p50", "p99", "fio p99"],
    rows.map(({ name, vms, load: { depth, blocks }, vm, native }) => [
      name,
      String(vms),
      String(depth),
      speed(vm, blocks),
      speed(native, blocks),
      (vm.perSecond / native.perSecond).toFixed(3),
      time(vm.p50),
      time(native.p50),
      time(vm.p99),
      time(native.p99),
    ]),
  );
}

function series(rows: readonly Row[]) {
  return KINDS.map(({ name }) => ({
    label: name,
    points: rows.filter((row) => row.name === name && row.vms === 1)
      .map(({ load, vm, native }) =>
        [load.depth, vm.perSecond / native.perSecond] as [number, number]
      ),
  }));
}
