/** A supervisor in this process with web servers, and VMs beside them that fetch documents from them. */

import { describeImage, type StoredImage } from "../../../supervisor/image/store.ts";
import { buildImage } from "../../../guests/build.ts";
import { Supervisor } from "../../../supervisor/supervisor.ts";
import { cpuTimes, usedBetween } from "../../load/cpu.ts";
import type { Window } from "../scale/warm_up.ts";

const FETCH = ["../../load/fetch.c", "../../../guests/httpd/document.c"]
  .map((path) => new URL(path, import.meta.url).pathname);
const PAIRS = 8, MEMORY = 4 << 20, POOL = 256 << 20;
/** Of a window: what its clients take to start, and to come to their end at about the same time. */
const START_SECONDS = 0.3, END_SECONDS = 0.2;

export interface Setting {
  readonly cells: number;
  /** Each client's server is in the other cell. */
  readonly across: boolean;
}

export interface Sample extends Window {
  /** Documents, all checked byte by byte. */
  readonly perSecond: number;
  /** Seconds of processor per second: the supervisor's thread, all threads. */
  readonly supervisor: number;
  readonly all: number;
}

/** The program that fetches, as an image. */
export async function fetchImage(): Promise<StoredImage> {
  return await describeImage("fetch", await Deno.readFile(await buildImage(FETCH)));
}

export class FetchingPairs {
  readonly #servers: string[] = [];

  private constructor(
    readonly setting: Setting,
    private readonly supervisor: Supervisor,
    private readonly fetch: StoredImage,
  ) {}

  static async start(setting: Setting, fetch: StoredImage): Promise<FetchingPairs> {
    const supervisor = await Supervisor.start({ cells: setting.cells, poolBytes: POOL });
    const pairs = new FetchingPairs(setting, supervisor, fetch);
    for (let n = 0; n < PAIRS; n++) {
      const { address, cell } = await supervisor.create({ image: "httpd", memory: MEMORY });
      pairs.#expect(n, cell);
      pairs.#servers.push(address);
    }
    return pairs;
  }

  /** Lets new clients fetch for so long. */
  async window(bytes: number, seconds: number): Promise<Sample> {
    const { supervisor, setting } = this, clients: number[] = [];
    const milliseconds = (START_SECONDS + seconds + END_SECONDS) * 1000;
    for (let n = 0; n < PAIRS; n++) {
      const address = this.#servers[setting.across ? n ^ 1 : n];
      const args = [address, String(bytes), String(milliseconds)];
      const client = { memory: MEMORY, args, start: false };
      const { id, cell } = await supervisor.createFrom(this.fetch, client);
      this.#expect(n, cell);
      clients.push(id);
    }
    for (const id of clients) await supervisor.start(id);
    await pause(START_SECONDS);
    const before = await cpuTimes(Deno.pid), begun = performance.now();
    await pause(seconds);
    const used = usedBetween(before, await cpuTimes(Deno.pid));
    const passed = (performance.now() - begun) / 1000;
    let perSecond = 0;
    for (const id of clients) {
      await supervisor.ended(id);
      const text = new TextDecoder().decode(supervisor.consoleHistory(id));
      const [, count, microseconds] = text.match(/^fetched (\d+) in (\d+) us/) ?? [];
      if (count === undefined) throw new Error(`a client failed: ${text}`);
      perSecond += Number(count) * 1e6 / Number(microseconds);
      await supervisor.remove(id);
    }
    const answered = Math.round(perSecond * passed);
    return {
      perSecond,
      supervisor: used.main / passed,
      all: used.total / passed,
      answered,
      serverMicroseconds: used.total * 1e6 / Math.max(1, answered),
    };
  }

  close(): Promise<void> {
    return this.supervisor.close();
  }

  /** VMs of one size are placed in turns, so number n ^ 1 is in the other of two cells. */
  #expect(n: number, cell: number | null): void {
    if (cell === n % this.setting.cells) return;
    throw new Error(`expected number ${n} in cell ${n % this.setting.cells}, it is in ${cell}`);
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
