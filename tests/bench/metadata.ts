/**
 * What an idle web server that has served costs, in memory and wholly in swap: frames, what the kernel keeps on the JavaScript heap and in typed arrays, and growth of the process.
 *
 *     deno task bench metadata [--vms N] [--engine NAME]
 *
 * A kernel without threads boots copies of httpd, a VM beside them asks each for its page, and they run until
 * all are idle; once in a pool that holds them all, once in one of 8 MiB, where nearly all are in swap.
 * Garbage is collected before each reading; the first machines, which bring the code to life, do not count. The page tables of engines are
 * a cache of bounded size for all VMs together and stand apart; growth of the process is without them. The
 * engine is the evaluator, unless said otherwise: what is translated, and what V8 makes of that, belongs to no VM.
 */

import { parseArgs } from "@std/cli/parse-args";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { buildGuests, buildImage } from "../../guests/build.ts";
import { fromRoot } from "../../guests/paths.ts";
import { type EngineName } from "../../cpu/engine.ts";
import { guestImage } from "../../supervisor/image/builtin.ts";
import { DeterministicClock, Kernel, type NetworkSpec } from "../../kernel/kernel.ts";
import { SWAP_DONE, type SwapDevice, type SwapTransfer } from "../../kernel/swap_device.ts";
import { printTable, save } from "./report/report.ts";

const flags = parseArgs(Deno.args, { string: ["vms", "engine"] });
const WARM = 400, VMS = Number(flags.vms ?? 2000), MEMORY = 16 << 20, PAGE = 4096;
const POOL = Math.min(2 ** 31 - 2 ** 16, 64 * 2 ** 20 + (WARM + VMS) * 16 * PAGE);
const SMALL_POOL = 8 << 20, TABLES = 4 << 20;
/** Servers that one client asks, and its number. */
const BATCH = 100, CLIENT = 1 << 20;
if (!(VMS > 0 && VMS % BATCH === 0)) {
  throw new Error(`--vms: expected a multiple of ${BATCH}, got ${flags.vms}`);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Swap in a file without a name, read and written at once. */
class FileSwap implements SwapDevice {
  readonly clusterPages = 16;
  readonly ready = true;
  readonly #file: Deno.FsFile;
  readonly #ended: SwapTransfer[] = [];

  constructor(readonly pool: Uint8Array) {
    const path = Deno.makeTempFileSync();
    this.#file = Deno.openSync(path, { read: true, write: true });
    Deno.removeSync(path);
  }

  get news(): boolean {
    return this.#ended.length > 0;
  }

  begin(transfer: SwapTransfer): void {
    const { write, slots, frames } = transfer;
    slots.forEach((slot, index) => {
      const page = this.pool.subarray(frames[index], frames[index] + PAGE);
      this.#file.seekSync(slot * PAGE, Deno.SeekMode.Start);
      const count = write ? this.#file.writeSync(page) : this.#file.readSync(page);
      if (count !== PAGE) throw new Error(`expected ${PAGE} bytes, got ${count}`);
    });
    this.#ended.push(transfer);
  }

  poll(ended: (transfer: SwapTransfer, status: number) => void): void {
    for (const transfer of this.#ended.splice(0)) ended(transfer, SWAP_DONE);
  }
}

function network(id: number): NetworkSpec {
  return { address: 0x0a000001 + id, netmask: 0xff000000, gateway: 0x0a000001, dns: 0x0a000001 };
}

/** Image files. */
interface Guests {
  readonly server: Uint8Array;
  readonly client: Uint8Array;
}

interface Reading {
  /** Bytes that the program holds: heap, and what lies outside it without the pool. */
  readonly held: number;
  /** Resident bytes of the process. */
  readonly process: number;
  readonly frames: number;
  readonly swapped: number;
  readonly tables: number;
  readonly maps: number;
}

/** Figures per VM. */
interface Cost {
  readonly kernel: number;
  readonly map: number;
  readonly tables: number;
  readonly frames: number;
  readonly swapped: number;
  readonly process: number;
}

/** Address of VM `id`, as text. */
function dotted(id: number): string {
  const { address } = network(id);
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

class Fleet {
  readonly kernel: Kernel;
  readonly #image;
  readonly #client;
  #console = "";

  constructor({ server, client }: Guests, poolBytes: number, memory: ArrayBuffer) {
    this.kernel = new Kernel({
      clock: new DeterministicClock(),
      poolBytes,
      memory,
      events: {
        console: (vm, bytes) => {
          if (vm.id === CLIENT) this.#console += new TextDecoder().decode(bytes);
        },
        state() {},
        uplink: () => true,
      },
      softTlbBytes: TABLES,
      engine: { name: (flags.engine ?? "evaluator") as EngineName },
      swap: { pages: 2 ** 30, open: (pool) => new FileSwap(pool) },
    });
    this.#image = this.kernel.loadImage("httpd", server);
    this.#client = this.kernel.loadImage("client", client);
  }

  /** Boots servers until there are `count`, each serves, and then none has anything to do for a second. */
  boot(count: number): void {
    const { kernel } = this;
    for (let id = kernel.vms.size + 1; id <= count; id++) {
      const spec = { id, name: `vm-${id}`, image: this.#image, memory: MEMORY };
      kernel.start(kernel.createVm({ ...spec, network: network(id) }));
      if (id % BATCH === 0) this.#ask(id - BATCH + 1);
    }
    // Time is virtual: this is about a second of a processor that all of them share, or more of idling.
    for (let i = 0; i < 100; i++) kernel.run(1_000_000);
    const busy = [...kernel.vms.values()].filter(({ state }) => state !== "idle");
    if (busy.length > 0) throw new Error(`expected all idle, ${busy[0].name} is ${busy[0].state}`);
  }

  /** Lets a VM that does not stay ask a batch of servers for their pages. */
  #ask(first: number): void {
    const { kernel } = this;
    this.#console = "";
    kernel.run(20_000_000);
    const args = Array.from({ length: BATCH }, (_, i) => `${dotted(first + i)}/`);
    const spec = { id: CLIENT, name: "client", image: this.#client, memory: MEMORY, args };
    const client = kernel.createVm({ ...spec, network: network(CLIENT) });
    kernel.start(client);
    for (let i = 0; i < 1000 && !this.#console.includes("done"); i++) kernel.run(1_000_000);
    const answers = this.#console.match(/^\d+$/mg) ?? [];
    if (answers.length !== BATCH) throw new Error(`expected ${BATCH} pages: ${this.#console}`);
    kernel.destroy(client);
  }

  read(): Reading {
    const { metadata, frames, swap } = this.kernel.stats();
    collectGarbage();
    collectGarbage();
    const { heapUsed, external, rss } = Deno.memoryUsage();
    return {
      held: heapUsed + external - metadata.softTlbBytes,
      process: rss - metadata.softTlbBytes,
      frames: frames.private,
      swapped: swap.swapped,
      tables: metadata.softTlbBytes,
      maps: metadata.pageMapBytes,
    };
  }
}

function measure(guests: Guests, poolBytes: number): Cost {
  const memory = new ArrayBuffer(poolBytes);
  const fleet = new Fleet(guests, poolBytes, memory);
  fleet.boot(WARM);
  const before = fleet.read();
  fleet.boot(WARM + VMS);
  const after = fleet.read();
  const each = (figure: keyof Reading) => (after[figure] - before[figure]) / VMS;
  return {
    kernel: each("held"),
    map: each("maps"),
    tables: after.tables / (WARM + VMS),
    frames: each("frames"),
    swapped: each("swapped"),
    process: each("process"),
  };
}

await buildGuests(["httpd"]);
const server = await guestImage("httpd");
if (server === undefined) throw new Error("expected the guest httpd, it was not built");
const client = await Deno.readFile(await buildImage([fromRoot("tests/native/fetch.c")]));
const guests = { server, client };
const out = measure(guests, SMALL_POOL), core = measure(guests, POOL);

const row = (name: string, value: (cost: Cost) => number, digits = 0) => [
  name,
  value(core).toFixed(digits),
  value(out).toFixed(digits),
];
console.log(`${VMS} idle web servers that have served, after ${WARM} others\n`);
printTable(["each", "in memory", "in swap"], [
  row("private frames in memory", (cost) => cost.frames, 2),
  row("pages in swap", (cost) => cost.swapped, 2),
  row("bytes of private frames", (cost) => cost.frames * PAGE),
  row("bytes of kernel memory", (cost) => cost.kernel),
  row("  of it its map of pages", (cost) => cost.map),
  row("growth of the process, bytes", (cost) => cost.process),
  row("page tables for engines (a bounded cache)", (cost) => cost.tables),
]);
await save("metadata", { vms: VMS, core, out });
