/**
 * The soak test: VMs that trust no byte of their memory are made, paged out and in, paused and killed at
 * random, in a pool that holds a fraction of them, while they send each other datagrams; at the end frames,
 * slots of swap, slots of packets and file handles have to be back. Then the crash
 * tests (tests/crash): the process is killed again and again, and what was acknowledged has to be there.
 *
 *     deno task soak [--minutes N] [--seed S] [--pool SIZE] [--swap-cluster SIZE]
 *                    [--crash-rounds N] [--crash disks,kvd,state]
 *
 * By default a minute of the former and a hundred rounds of each crash test, which take ten minutes or more;
 * `--minutes 0` leaves out the former, `--crash-rounds 0` the latter, and `--crash` names some of them.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildImage } from "../../guests/build.ts";
import { describeImage, type StoredImage } from "../../supervisor/image/store.ts";
import { crashRounds } from "../crash/crash.ts";
import { stateRounds } from "../crash/state.ts";
import { kvdRounds } from "../crash/kvd.ts";
import { parseSize } from "../../supervisor/size.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly poolBytes: number;
  readonly clusterBytes: number;
  /** A slow machine goes on, for a minute at most, until so many pages went out and came in. */
  readonly pages?: number;
  readonly log?: (line: string) => void;
}

export interface SoakResult {
  /** VMs that were made, that ended by themselves, and that were killed. */
  readonly made: number;
  readonly ended: number;
  readonly killed: number;
  /** Each VM that saw a wrong byte, crashed or ended otherwise than it should. */
  readonly wrong: readonly string[];
  /** What was not given back, by name; nothing if all was. */
  readonly lost: Readonly<Record<string, string>>;
  /** Counters of the pager (kernel/stats.ts). */
  readonly swap: Readonly<Record<string, number>>;
  /** Frames that reached a VM, and most that were seen waiting for VMs. */
  readonly delivered: number;
  readonly waited: number;
}

/** VMs at a time. */
const VMS = 30;
const SLOW_MS = 60_000;
const MIB = 2 ** 20;
/** Frames of images that a cell keeps for the next VM are not lost. */
interface CellStats {
  readonly network: { delivered: number; waiting: number };
  readonly frames: { total: number; free: number; image: number };
  readonly swap: Record<string, number>;
}

/** Descriptors of this process that are open. */
function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Marsaglia's xorshift32: 0..below-1. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const path = await buildImage([new URL("memory.c", import.meta.url).pathname], {});
  const image = await describeImage("memory", await Deno.readFile(path));
  // The first supervisor of a process opens what stays.
  await (await Supervisor.start({ cells: 1, patience: 60 })).close();
  const before = openFiles();
  const supervisor = await Supervisor.start({
    cells: 1,
    poolBytes: options.poolBytes,
    swap: { bytes: 2 ** 36, clusterBytes: options.clusterBytes },
    // Compiling a cell may take long on a machine that does much else.
    patience: 60,
  });
  const run = new Run(supervisor, image, options);
  let lost: Record<string, string> = {};
  try {
    await run.work();
    lost = await missing(supervisor);
  } finally {
    await supervisor.close();
  }
  const left = await settled(before);
  if (left > before) lost.descriptors = `${left} are open, ${before} were`;
  return { ...run.result, lost };
}

/** Files are closed by threads of their own: waits for them, at most a minute. */
async function settled(expected: number): Promise<number> {
  for (let tries = 0; tries < 6000 && openFiles() > expected; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return openFiles();
}

/** What a kernel without VMs still holds. */
async function missing(supervisor: Supervisor): Promise<Record<string, string>> {
  const { frames, swap, network } = await cellStats(supervisor);
  const lost: Record<string, string> = {};
  const expected = frames.total - 1 - frames.image;
  if (frames.free !== expected) lost.frames = `${frames.free} are free, expected ${expected}`;
  if (swap.free !== swap.total) lost.swap = `${swap.free} of ${swap.total} slots are free`;
  for (const name of ["underWay", "resident", "swapped", "vmsWaiting", "vmsPaused"]) {
    if (swap[name] !== 0) lost[name] = `${swap[name]}`;
  }
  if (network.waiting !== 0) lost.packets = `${network.waiting} slots hold a frame`;
  return lost;
}

async function cellStats(supervisor: Supervisor): Promise<CellStats> {
  const { cells } = await supervisor.stats();
  return cells[0] as CellStats;
}

class Run {
  readonly #wrong: string[] = [];
  readonly #random: (below: number) => number;
  /** VMs that live, and those that were killed by us. */
  readonly #vms = new Set<number>();
  readonly #killed = new Set<number>();
  #made = 0;
  #ended = 0;
  #swap: Record<string, number> = {};
  #delivered = 0;
  #waited = 0;

  constructor(
    readonly supervisor: Supervisor,
    readonly image: StoredImage,
    readonly options: SoakOptions,
  ) {
    this.#random = generator(options.seed);
  }

  get result(): Omit<SoakResult, "lost"> {
    return {
      made: this.#made,
      ended: this.#ended,
      killed: this.#killed.size,
      wrong: this.#wrong,
      swap: this.#swap,
      delivered: this.#delivered,
      waited: this.#waited,
    };
  }

  async work(): Promise<void> {
    // Threads have loaded their code when the first one is there.
    await this.#create();
    const end = performance.now() + 1000 * this.options.seconds;
    for (let step = 0; !this.#enough(performance.now() - end); step++) {
      if (this.#vms.size < VMS) await this.#create();
      else await this.#disturb();
      if (step % 200 === 0 || performance.now() > end) await this.#report();
    }
    await this.#report();
    for (const id of [...this.#vms]) await this.#kill(id);
  }

  #enough(late: number): boolean {
    if (this.#wrong.length > 0 || late > SLOW_MS) return true;
    const { pageIns = 0, pageOuts = 0 } = this.#swap, { pages = 0 } = this.options;
    return late > 0 && this.#killed.size > 0 && Math.min(pageIns, pageOuts) >= pages;
  }

  async #report(): Promise<void> {
    // There is room on the disk for all of them, so nobody has to be paused.
    for (const { vm, message } of this.supervisor.events.after(0)) {
      if (message?.startsWith("out of memory")) this.#wrong.push(`VM ${vm}: ${message}`);
    }
    const { swap, network } = await cellStats(this.supervisor);
    this.#swap = swap;
    this.#delivered = network.delivered;
    this.#waited = Math.max(this.#waited, network.waiting);
    const { resident, swapped, pageIns, pageOuts } = this.#swap;
    this.options.log?.(
      `${this.#made} made, ${this.#ended} ended, ${this.#killed.size} killed; ` +
        `pages: ${resident} in memory, ${swapped} in swap, ${pageIns} in, ${pageOuts} out; ` +
        `frames: ${network.delivered} delivered, ${network.waiting} wait`,
    );
  }

  async #create(): Promise<void> {
    const random = this.#random;
    // Most are small, some are larger than the pool.
    const pages = random(10) === 0 ? 200 + random(3000) : 8 + random(200);
    const pause = random(3) === 0 ? 0 : 100 + random(20_000);
    const rounds = 1 + random(400);
    const words = [pages, pause, rounds, 1 + random(2 ** 31)].map(String);
    const parameters = { memory: (2 + Math.ceil(pages / 200)) * MIB, args: words };
    const { id } = await this.supervisor.createFrom(this.image, parameters);
    this.#made++;
    this.#vms.add(id);
    this.#watch(id, words.join(" "));
  }

  /** Notes how a VM ends. */
  async #watch(id: number, words: string): Promise<void> {
    const { state, exitCode, reason } = await this.supervisor.ended(id);
    // An exit code is missing if the server was closed because the test has failed otherwise.
    if (this.#killed.has(id) || (state === "stopped" && exitCode === undefined)) return;
    this.#ended++;
    if (state !== "stopped" || exitCode !== 0) {
      const text = new TextDecoder().decode(this.supervisor.consoleHistory(id)).trim();
      this.#wrong.push(`VM ${id} (${words}) ${state} ${exitCode ?? ""} ${reason ?? ""} ${text}`);
    }
    this.#vms.delete(id);
    await this.supervisor.remove(id);
  }

  async #disturb(): Promise<void> {
    const ids = [...this.#vms];
    const id = ids[this.#random(ids.length)];
    const what = this.#random(20);
    if (what === 0) return await this.#kill(id);
    // A VM may end while it is asked.
    const { state } = this.supervisor.get(id);
    if (what < 5 && state === "running") await this.supervisor.pause(id).catch(() => {});
    else if (state === "paused") await this.supervisor.resume(id).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, this.#random(20)));
  }

  async #kill(id: number): Promise<void> {
    if (!this.#vms.delete(id)) return;
    this.#killed.add(id);
    await this.supervisor.remove(id);
  }
}

/** The crash tests by name. */
const CRASHES = new Map([["disks", crashRounds], ["kvd", kvdRounds], ["state", stateRounds]]);

if (import.meta.main) {
  const read = parseArgs(Deno.args, {
    string: ["minutes", "seed", "pool", "swap-cluster", "crash-rounds", "crash"],
    default: {
      minutes: "1",
      pool: "8M",
      "swap-cluster": "64K",
      "crash-rounds": "100",
      crash: [...CRASHES.keys()].join(),
    },
    unknown(word: string) {
      console.error(`${word}: expected the options that tests/soak/soak.ts tells`);
      Deno.exit(2);
    },
  });
  const log = (line: string) => console.log(line);
  const seed = Number(read.seed ?? Date.now() % 2 ** 31), seconds = 60 * Number(read.minutes);
  const rounds = Number(read["crash-rounds"]);
  let wrong = 0;
  log(`seed ${seed}`);
  if (seconds > 0) {
    const poolBytes = parseSize(read.pool) ?? 0,
      clusterBytes = parseSize(read["swap-cluster"]) ?? 0;
    const result = await soak({ seconds, seed, poolBytes, clusterBytes, log });
    log(JSON.stringify(result, null, 2));
    wrong += result.wrong.length + Object.keys(result.lost).length;
  }
  for (const name of read.crash.split(",")) {
    const crash = CRASHES.get(name);
    if (crash === undefined) throw new Error(`--crash ${name}: expected ${[...CRASHES.keys()]}`);
    const crashes = await crash({ rounds, seed, log });
    log(`${name}: ${JSON.stringify(crashes, null, 2)}`);
    wrong += crashes.wrong.length;
  }
  Deno.exit(wrong === 0 ? 0 : 1);
}
