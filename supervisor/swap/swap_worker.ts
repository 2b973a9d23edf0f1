/**
 * The supervisor's side of a cell's swap: starts the worker when the cell first needs it, and ends it.
 *
 * Most cells never need one: their VMs fit into memory.
 */

import { fileWorkerOptions } from "../worker_options.ts";
import { Doorbell } from "../../devices/ring.ts";
import {
  createSwapChannel,
  SWAP_BELL,
  SWAP_STOP,
  SWAP_WANTED,
  type SwapChannel,
} from "./channel.ts";
import type { SwapWorkerStart } from "./worker.ts";

export interface SwapSettings {
  /** Bytes of swap of each cell: what the memory of all its VMs may sum up to. */
  readonly bytes: number;
  /** Bytes that are moved together, a multiple of 4096, 4 KiB to 256 KiB. */
  readonly clusterBytes?: number;
  /** An existing folder; default: a temporary one, which is removed. */
  readonly folder?: string;
}

export interface CellBell {
  readonly status: SharedArrayBuffer;
  readonly index: number;
}

export class SwapWorker {
  readonly channel: SwapChannel;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #settings: SwapSettings;
  readonly #cell: CellBell;
  readonly #failed: (reason: string) => void;
  #worker: Worker | null = null;
  #temporary: string | null = null;
  #stopped = false;

  /** `failed` is called if the worker's thread ends by itself. */
  constructor(settings: SwapSettings, cell: CellBell, failed: (reason: string) => void) {
    this.channel = createSwapChannel(settings.bytes, settings.clusterBytes);
    this.#words = new Int32Array(this.channel.status);
    this.#settings = settings;
    this.#cell = cell;
    this.#failed = failed;
  }

  /** Starts the worker if the cell needs it and it does not run yet. Cheap. */
  check(): void {
    if (this.#worker !== null || this.#stopped || Atomics.load(this.#words, SWAP_WANTED) === 0) {
      return;
    }
    try {
      this.#start();
    } catch (error) {
      this.#failed(`swap cannot be opened: ${(error as Error).message}`);
    }
  }

  /** Ends the worker; what it holds on the disk is given back. */
  stop(): void {
    this.#stopped = true;
    Atomics.store(this.#words, SWAP_STOP, 1);
    new Doorbell(this.#words, SWAP_BELL).ring();
    if (this.#temporary === null) return;
    try {
      Deno.removeSync(this.#temporary, { recursive: true });
    } catch {
      // Somebody else has removed it.
    }
    this.#temporary = null;
  }

  #start(): void {
    let { folder } = this.#settings;
    if (folder === undefined) {
      folder = this.#temporary = Deno.makeTempDirSync({ prefix: "denali-swap-" });
    }
    folder = Deno.realPathSync(folder);
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), fileWorkerOptions([folder]));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      if (!this.#stopped) this.#failed(`the thread of its swap failed: ${event.message}`);
    };
    const start: SwapWorkerStart = {
      channel: this.channel,
      cellStatus: this.#cell.status,
      cellBell: this.#cell.index,
      folder,
      temporary: this.#temporary !== null,
    };
    this.#worker.postMessage(start);
  }
}
