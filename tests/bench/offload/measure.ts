/**
 * One measurement of `deno task bench offload`, in this process: measure.ts TASK NIC SECONDS. Prints an
 * OffloadSample as JSON. Times are the thread's processor time, as Linux counts it.
 */

import process from "node:process";
import type { Mechanisms } from "../../../kernel/mechanisms.ts";
import type { GatewayConnection } from "../../../supervisor/gateway/gateway.ts";
import { World } from "../../support/world.ts";

/** Each: a document, or a mebibyte of bulk data. */
export interface OffloadSample {
  readonly perSecond: number;
  readonly megabits: number;
  /** Frames delivered to VMs and to our own end, and instructions of all VMs. */
  readonly frames: number;
  readonly kiloInstructions: number;
}

const CONNECTIONS = 4, MEBIBYTE = 2 ** 20;

/** Fetches documents over one connection for ever; counts what has come. */
async function fetchDocuments(stream: GatewayConnection, bytes: number, count: () => void) {
  const request = new TextEncoder().encode(`GET /doc?bytes=${bytes} HTTP/1.1\r\nHost: vm\r\n\r\n`);
  for (;;) {
    await stream.write(request);
    let left = -1;
    while (left !== 0) {
      const chunk = await stream.read();
      if (chunk === null) throw new Error("the connection has ended");
      if (left < 0) {
        const head = new TextDecoder("latin1").decode(chunk.subarray(0, 1024)).indexOf("\r\n\r\n");
        left = bytes + head + 4;
      }
      left -= chunk.length;
    }
    count();
  }
}

/** Seconds of processor time of this process. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function documents(world: World, bytes: number, seconds: number): Promise<OffloadSample> {
  await world.boot("httpd", 1);
  await world.until(() => world.console.includes("listening"));
  let answered = 0, failure: unknown = null;
  for (let i = 0; i < CONNECTIONS; i++) {
    world.network.gateway!.connect(world.network.vmNetwork(1).address, 80)
      .then((stream) => fetchDocuments(stream, bytes, () => answered++))
      .catch((error) => failure = error);
  }
  const run = async (duration: number) => {
    const end = performance.now() + 1000 * duration;
    await world.until(() => failure !== null || performance.now() >= end);
    if (failure !== null) throw failure;
  };
  await run(1.5);
  const before = world.counted(), start = cpuSeconds(), first = answered;
  await run(seconds);
  const used = cpuSeconds() - start, after = world.counted(), count = answered - first;
  return {
    perSecond: count / used,
    megabits: count * bytes * 8 / used / 1e6,
    frames: (after.frames - before.frames) / count,
    kiloInstructions: (after.instructions - before.instructions) / count / 1000,
  };
}

async function bulk(world: World, seconds: number): Promise<OffloadSample> {
  await world.boot("ttcp", 1, "-s");
  const { address } = world.network.vmNetwork(1);
  const dotted = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
  const transfer = async (milliseconds: number) => {
    world.console = "";
    await world.boot("ttcp", 2, "-w", "2000", "-t", String(milliseconds), dotted);
    const vm = world.kernel.vms.get(2)!;
    await world.until(() => vm.ended);
    world.kernel.destroy(vm);
    return JSON.parse(world.console.slice(world.console.indexOf("{"))).bytes / MEBIBYTE;
  };
  await transfer(1500);
  const before = world.counted(), start = cpuSeconds();
  const mebibytes = await transfer(1000 * seconds);
  const used = cpuSeconds() - start, after = world.counted();
  return {
    perSecond: mebibytes / used,
    megabits: mebibytes * MEBIBYTE * 8 / used / 1e6,
    frames: (after.frames - before.frames) / mebibytes,
    kiloInstructions: (after.instructions - before.instructions) / mebibytes / 1000,
  };
}

if (import.meta.main) {
  const [task, nic, seconds] = Deno.args;
  const world = new World(nic as Mechanisms["nic"]);
  const sample = task === "bulk"
    ? await bulk(world, Number(seconds))
    : await documents(world, Number(task.split(" ").at(-1)), Number(seconds));
  console.log(JSON.stringify(sample));
  Deno.exit(0);
}
