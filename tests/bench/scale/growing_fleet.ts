/**
 * A `denali up` whose fleet of web servers grows step by step, so that fleets of many sizes are measured
 * in the time it takes to boot the largest.
 */

import { fetchPage, hostOf, inParallel, strangers } from "../../load/fleet.ts";
import { load, percentile } from "../../load/load.ts";
import { TestServer } from "../../load/server.ts";
import { cpuTimes, usedBetween } from "../../load/cpu.ts";
import { type WarmUp, warmUp } from "./warm_up.ts";

/** Requests to create VMs, and first requests to VMs, that are under way at a time. */
const PARALLEL = 16;

export interface Growth {
  readonly vms: number;
  readonly seconds: number;
  /** Seconds of processor that the server used: its main thread, and all of it. */
  readonly mainSeconds: number;
  readonly cpuSeconds: number;
}

export interface Sample {
  readonly vms: number;
  readonly bytes: number;
  readonly alpha: number;
  readonly answered: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failures: Record<string, number>;
  /** Cores used by the load generator, by the server's main thread, and by its other threads. */
  readonly loadCores: number;
  readonly mainCores: number;
  readonly otherCores: number;
  /** Processor time of the server per request, µs: also meaningful on a machine with other load. */
  readonly serverMicroseconds: number;
}

export interface Memory {
  readonly vms: number;
  /** Frames of 4 KiB: those that belong to a VM, and those that are free. */
  readonly residentFrames: number;
  readonly freeFrames: number;
  /** Resident memory of the whole process. */
  readonly processBytes: number;
}

export class GrowingFleet {
  readonly #names: string[] = [];
  /** Each load chooses other VMs. */
  #seed = 1;

  private constructor(readonly server: TestServer) {}

  static async start(args: string[]): Promise<GrowingFleet> {
    return new GrowingFleet(await TestServer.start({ args }));
  }

  get size(): number {
    return this.#names.length;
  }

  /** Boots more until there are `vms`, several at a time; each serves its page before this returns. */
  async grow(vms: number): Promise<Growth> {
    const { server } = this;
    const fresh = Array.from({ length: vms - this.size }, (_, i) => `vm-${this.size + i + 1}`);
    const before = await cpuTimes(server.pid), begun = performance.now();
    await inParallel(fresh, PARALLEL, async (name) => {
      await server.create({ name, image: "httpd", memory: "16M" });
      await fetchPage(server.address, name);
    });
    const seconds = (performance.now() - begun) / 1000;
    const used = usedBetween(before, await cpuTimes(server.pid));
    this.#names.push(...fresh);
    return { vms, seconds, mainSeconds: used.main, cpuSeconds: used.total };
  }

  /** Removes the youngest until there are `vms`. */
  async shrink(vms: number): Promise<void> {
    await inParallel(this.#names.splice(vms), PARALLEL, async (name) => {
      await this.server.request("DELETE", `/v1/vms/${name}`);
    });
  }

  /** Throws unless every VM answers as itself. */
  async checkAll(): Promise<void> {
    const wrong = await strangers(this.server, this.#names, PARALLEL);
    if (wrong.length > 0) {
      throw new Error(`${wrong.length} VMs did not answer: ${wrong.slice(0, 3).join("; ")}`);
    }
  }

  /** Lets every VM serve a document, so that it has the memory that this takes. */
  async visitAll(bytes: number): Promise<void> {
    await inParallel(this.#names, PARALLEL, async (name) => {
      await fetchPage(this.server.address, name, `/doc?bytes=${bytes}`);
    });
  }

  /**
   * Lets every VM serve a document, then loads the whole fleet with it until the server is warm: with
   * each of `alphas` in each window, because VMs that are asked by several at once run other code.
   */
  async warmUp(
    bytes: number,
    alphas: readonly number[],
    connections: number,
    limitSeconds?: number,
  ): Promise<WarmUp> {
    await this.visitAll(bytes);
    return await warmUp(async (seconds) => {
      let answered = 0, microseconds = 0;
      for (const alpha of alphas) {
        const part = { seconds: seconds / alphas.length, connections };
        const sample = await this.load(bytes, alpha, part);
        answered += sample.answered;
        microseconds += sample.answered * sample.serverMicroseconds;
      }
      return { answered, serverMicroseconds: microseconds / Math.max(1, answered) };
    }, limitSeconds);
  }

  /** Closed-loop load on the whole fleet. */
  async load(
    bytes: number,
    alpha: number,
    { seconds, connections }: { seconds: number; connections: number },
  ): Promise<Sample> {
    const { server } = this;
    const pids = [Deno.pid, server.pid];
    const before = await Promise.all(pids.map(cpuTimes)), begun = performance.now();
    const result = await load({
      address: server.address,
      hosts: this.#names.map(hostOf),
      path: `/doc?bytes=${bytes}`,
      alpha,
      seed: this.#seed++,
      connections,
      seconds,
    });
    const after = await Promise.all(pids.map(cpuTimes));
    const passed = (performance.now() - begun) / 1000;
    const [own, theirs] = pids.map((_, i) => usedBetween(before[i], after[i]));
    const answered = Math.max(1, result.answered);
    return {
      vms: this.size,
      bytes,
      alpha,
      answered: result.answered,
      requestsPerSecond: result.answered / result.seconds,
      p50: percentile(result.latencies, 0.5),
      p99: percentile(result.latencies, 0.99),
      failures: result.failures,
      loadCores: own.total / passed,
      mainCores: theirs.main / passed,
      otherCores: (theirs.total - theirs.main) / passed,
      serverMicroseconds: (theirs.total / answered) * 1e6,
    };
  }

  async memory(): Promise<Memory> {
    const { frames, residentBytes } = await this.server.request("GET", "/v1/system");
    return {
      vms: this.size,
      residentFrames: frames.private,
      freeFrames: frames.free,
      processBytes: residentBytes,
    };
  }

  stop(): Promise<number> {
    return this.server.stop();
  }
}
