/**
 * The supervisor's side of a TAP uplink: starts its worker, moves frames by the rings, and knows how the
 * device is.
 *
 * A frame that finds no room in a ring is lost, as on any Ethernet, and counted. A worker that dies is
 * a bug of ours: the wire has failed, VMs and our own end go on.
 */

import { Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import { TAKES_CHECKSUM, TAKES_SEGMENTS } from "../../devices/offload.ts";
import { type AddressPlan, netmaskOf, planAddresses } from "../address_plan.ts";
import { FRAME } from "../cell/protocol.ts";
import type { Wire } from "../network.ts";
import { workerOptions } from "../worker_options.ts";
import {
  COUNTER_BYTE,
  createUplinkChannel,
  UPLINK_BELL,
  UPLINK_COUNTERS,
  UPLINK_HOST_BELL,
  UPLINK_STOP,
  type UplinkNotice,
  type UplinkStart,
  type UplinkState,
} from "./channel.ts";
import { LIBC_PATHS } from "./libc.ts";
import type { TapSettings } from "./settings.ts";

/** Frames taken before the event loop gets its turn. */
const TURN_FRAMES = 1024;

/** The TAP device cannot be had; the message says what to do. */
export class UplinkError extends Error {}

/** Options of the Worker: nothing but calls into the C library. */
export function uplinkWorkerOptions(libc: string): WorkerOptions {
  return workerOptions({ ffi: [libc] });
}

export class TapWire implements Wire {
  readonly name: string;
  readonly takes: number;
  /** Who has which address on this link. */
  readonly plan: AddressPlan;
  readonly #settings: TapSettings;
  readonly #worker: Worker;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #counters: Float64Array<SharedArrayBuffer>;
  readonly #bell: Doorbell;
  readonly #hostBell: Doorbell;
  readonly #toWire: RingWriter;
  readonly #fromWire: RingReader;
  readonly #ended = Promise.withResolvers<void>();
  #state: UplinkState;
  #message: string;
  #since = new Date();
  #taker: (frame: Uint8Array, offload: number) => void = () => {};
  #watcher: (state: string, message: string) => void = () => {};
  /** Frames of VMs for which the ring had no room. */
  #overflow = 0;
  #rings = false;
  #over = false;

  /** Opens the device. Rejects with an UplinkError. */
  static async open(settings: TapSettings): Promise<TapWire> {
    if (Deno.build.os !== "linux") {
      throw new UplinkError("TAP devices are Linux's; here use --uplink gateway");
    }
    const libc = findLibc();
    const channel = createUplinkChannel();
    const { device, bridge, pool, offload = true } = settings;
    const start: UplinkStart = {
      channel,
      libc,
      device,
      bridge,
      address: pool.first,
      netmask: netmaskOf(pool),
      offload,
    };
    const worker = startWorker(libc);
    const begun = Promise.withResolvers<UplinkNotice>();
    worker.onmessage = ({ data }: MessageEvent<UplinkNotice>) => begun.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      begun.reject(new UplinkError(`the uplink's thread failed: ${event.message}`));
    };
    worker.postMessage(start);
    const notice = await begun.promise;
    if (notice.state === "failed") throw new UplinkError(notice.message);
    return new TapWire(settings, worker, start, notice);
  }

  private constructor(
    settings: TapSettings,
    worker: Worker,
    { channel, offload }: UplinkStart,
    notice: UplinkNotice,
  ) {
    this.#settings = settings;
    this.name = settings.device;
    this.takes = offload ? TAKES_CHECKSUM | TAKES_SEGMENTS : 0;
    this.plan = planOf(settings, notice.bridgeAddress);
    this.#state = notice.state;
    this.#message = notice.message;
    this.#worker = worker;
    this.#words = new Int32Array(channel.status);
    this.#counters = new Float64Array(channel.status, COUNTER_BYTE);
    this.#bell = new Doorbell(this.#words, UPLINK_BELL);
    this.#hostBell = new Doorbell(this.#words, UPLINK_HOST_BELL);
    this.#toWire = new RingWriter(channel.toWire);
    this.#fromWire = new RingReader(channel.fromWire);
    worker.onmessage = ({ data }: MessageEvent<UplinkNotice>) => this.#tell(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(`the uplink's thread failed: ${event.message}`);
    };
    this.#pump();
  }

  send(frame: Uint8Array, offload: number): boolean {
    if (this.#over) return false;
    if (!this.#toWire.write(FRAME, offload, 0, frame)) {
      this.#overflow++;
      return false;
    }
    this.#ringSoon();
    return true;
  }

  receive(taker: (frame: Uint8Array, offload: number) => void): void {
    this.#taker = taker;
  }

  watch(watcher: (state: string, message: string) => void): void {
    this.#watcher = watcher;
    watcher(this.#state, this.#message);
  }

  /** For operators: the device, its state, what happened and what to do, and what passed. */
  stats(): Record<string, unknown> {
    const { kind, device, bridge } = this.#settings;
    const counters = Object.fromEntries(
      UPLINK_COUNTERS.map((name, index) => [name, this.#counters[index]]),
    );
    counters.overflow += this.#overflow;
    return {
      kind,
      device,
      bridge,
      state: this.#state,
      message: this.#message,
      since: this.#since.toISOString(),
      ...counters,
    };
  }

  /** Ends the worker; a device that was made here goes with it. */
  async close(): Promise<void> {
    if (!this.#over) {
      Atomics.store(this.#words, UPLINK_STOP, 1);
      this.#bell.ring();
      // The worker's last message, or none: it closes itself.
      await this.#ended.promise;
    }
    this.#worker.terminate();
  }

  #tell({ state, message }: UplinkNotice): void {
    if (state === "stopped") return this.#finish();
    this.#state = state;
    this.#message = message;
    this.#since = new Date();
    this.#watcher(state, message);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#tell({ state: "failed", message: reason });
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#hostBell.ring();
    this.#ended.resolve();
  }

  async #pump(): Promise<void> {
    while (!this.#over) {
      const seen = this.#hostBell.value;
      let frames = 0;
      for (; frames < TURN_FRAMES && this.#fromWire.next(); frames++) {
        this.#taker(this.#fromWire.payload(), this.#fromWire.subject);
        this.#fromWire.release();
      }
      // A flood from the wire must not keep the rest of the supervisor from running.
      const next = frames === TURN_FRAMES ? undefined : this.#hostBell.waitAsync(seen);
      await (next ?? new Promise<void>((turn) => setImmediate(turn)));
    }
  }

  /** One wake-up for all that is written in this turn. */
  #ringSoon(): void {
    if (this.#rings) return;
    this.#rings = true;
    queueMicrotask(() => {
      this.#rings = false;
      this.#bell.ring();
    });
  }
}

function findLibc(): string {
  for (const path of LIBC_PATHS) {
    try {
      Deno.statSync(path);
      return path;
    } catch {
      // Another distribution's place.
    }
  }
  throw new UplinkError(`expected the C library at one of ${LIBC_PATHS.join(", ")}, found none`);
}

function startWorker(libc: string): Worker {
  try {
    return new Worker(new URL("./worker.ts", import.meta.url), uplinkWorkerOptions(libc));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new UplinkError(`not permitted to load ${libc}: run with --allow-ffi=${libc}`);
  }
}

function planOf(settings: TapSettings, bridgeAddress: number | undefined): AddressPlan {
  const { pool, bridge, dns } = settings;
  const inside = bridgeAddress !== undefined &&
    ((bridgeAddress ^ pool.first) & netmaskOf(pool)) === 0;
  const router = settings.router ?? (bridge === undefined ? undefined : inside ? bridgeAddress : 0);
  // On a bridge the first address is nobody's: hosts there have addresses of their own.
  return planAddresses(pool, { firstTaken: bridge === undefined, router, dns });
}
