/**
 * What the kernel keeps for an idle web server besides its pages: bytes on the JavaScript heap and in typed arrays.
 *
 * A kernel without threads boots VMS copies of httpd and runs them until all are idle. Garbage is
 * collected before each reading; the first WARM machines, which bring the code to life, do not count.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildGuests } from "../../guests/build.ts";
import { guestImage } from "../../supervisor/image/builtin.ts";
import { DeterministicClock, Kernel, type NetworkSpec } from "../../kernel/kernel.ts";
import { printTable, save } from "./report/report.ts";

const WARM = 50, VMS = 1000, MEMORY = 16 << 20, POOL = 256 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function network(id: number): NetworkSpec {
  return { address: 0x0a000001 + id, netmask: 0xff000000, gateway: 0x0a000001, dns: 0x0a000001 };
}

/** Bytes that the program holds: heap, and what lies outside it. */
function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

await buildGuests();
const file = await guestImage("httpd");
if (file === undefined) throw new Error("expected the guest httpd, it was not built");

const kernel = new Kernel({
  clock: new DeterministicClock(),
  poolBytes: POOL,
  events: { console() {}, state() {}, uplink: () => true },
});
const image = kernel.loadImage("httpd", file);

/** Boots servers until there are `count`, and runs until none has anything to do for a second. */
function boot(count: number): void {
  for (let id = kernel.vms.size + 1; id <= count; id++) {
    const vm = kernel.createVm({
      id,
      name: `vm-${id}`,
      image,
      memory: MEMORY,
      network: network(id),
    });
    kernel.start(vm);
  }
  // Time is virtual: this is about a second of a processor that all of them share, or more of idling.
  for (let i = 0; i < 100; i++) kernel.run(1_000_000);
  const busy = [...kernel.vms.values()].filter(({ state }) => state !== "idle");
  if (busy.length > 0) throw new Error(`expected all idle, ${busy[0].name} is ${busy[0].state}`);
}

boot(WARM);
const before = heldBytes(), framesBefore = kernel.stats().frames.private;
boot(WARM + VMS);
const held = (heldBytes() - before) / VMS;
const { metadata, frames } = kernel.stats();
const pages = (frames.private - framesBefore) / VMS;
const tables = metadata.softTlbBytes / (WARM + VMS);
const map = metadata.pageMapBytes / (WARM + VMS);

printTable(["per idle web server", "bytes"], [
  ["kernel metadata, without tables", (held - tables).toFixed(0)],
  ["  of it the page map", map.toFixed(0)],
  ["tables for memory access (a bounded cache)", tables.toFixed(0)],
  [`private pages (${pages.toFixed(1)} frames)`, (pages * 4096).toFixed(0)],
]);
await save("metadata", { vms: VMS, held, tables, map, pages });
