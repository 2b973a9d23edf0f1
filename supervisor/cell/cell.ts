/**
 * The supervisor's side of one cell: a Worker that runs guest code and is therefore not trusted.
 *
 * Data goes over rings (see protocol.ts); this file sends requests and matches their answers, hands
 * out what the cell tells, and notices when the cell is over: it ended by itself, it died of a bug,
 * its ring is corrupt, or its heartbeat stands still. Each of these is told once, by `died`, with a
 * reason; after that every request fails.
 *
 * A Worker that loops cannot be ended from outside (`terminate` does not stop it, measured with
 * Deno 2.9): it is asked by a flag and its doorbell. One that does not listen any more is given up;
 * `abandoned` then says that this process can only be ended by `Deno.exit`.
 */

import { Doorbell, RingCorruption, RingReader, RingWriter } from "../../devices/ring.ts";
import { CellError } from "./error.ts";
import { CellInbox, type InboxRecord } from "./inbox.ts";
import { CellOutbox } from "./outbox.ts";
import {
  CELL_BELL,
  CELL_STATE,
  type CellChannel,
  type CellOptions,
  type CellStart,
  CHUNK_BYTES,
  COMMAND,
  createChannel,
  encode,
  FRAME,
  HEARTBEAT,
  HOST_BELL,
  IMAGE_BYTES_MAXIMUM,
  LIFE,
  MESSAGE_BYTE,
  MESSAGE_LENGTH,
  MESSAGE_MAXIMUM,
  OUTBOX_WAIT,
  type StateNotice,
  STOP,
} from "./protocol.ts";
import type { DiskPlug, DiskWorker } from "../disk/disk_worker.ts";
import { type SwapSettings, SwapWorker } from "../swap/swap_worker.ts";
import { workerOptions } from "../worker_options.ts";

/** What a cell tells. `bytes` and `frame` of these calls are only valid during the call. */
export interface CellListener {
  /** A promise holds back what else that VM has to tell, and at last the VM itself. */
  console(vm: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  state(vm: number, notice: StateNotice): void;
  frame(frame: Uint8Array, offload: number): void;
  /** A frame that was captured: see NOTICE.CAPTURE. */
  capture?(vm: number, record: Uint8Array<ArrayBuffer>, length: number): void;
  /** Called once, when the cell is over and was not asked to stop. */
  died(reason: string): void;
}

export interface CellParameters extends Omit<CellOptions, "swapChannel" | "diskChannel"> {
  readonly listener: CellListener;
  /** Default: no swap. */
  readonly swap?: SwapSettings;
  /** Who serves its VMs' disks; default: they have none. */
  readonly disks?: DiskWorker;
  /** Module of the Worker; tests put a broken one here. */
  readonly module?: URL;
}

/** Options of the Worker: a thread that owns nothing. tests/cell_permissions_test.ts proves it. */
export const CELL_WORKER_OPTIONS = workerOptions();

/** Records and frames taken before the event loop gets its turn. */
const TURN_RECORDS = 1024;
/** Checks until a cell is given up that has not begun: a busy host takes long to start a thread. */
const START_PATIENCE = 60;
/** How long `stop` waits for the cell's answer. */
const STOP_MS = 3000;

const EMPTY = new Uint8Array(0);

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Cell {
  readonly channel: CellChannel;
  readonly poolBytes: number;
  /** Frames that found no room in the ring to the cell. */
  framesDropped = 0;
  /** The Worker did not end when it was told to. */
  abandoned = false;
  /** Its side of the disk worker, if there is one. */
  readonly disks: DiskPlug | undefined;
  readonly #listener: CellListener;
  readonly #worker: Worker;
  readonly #swap: SwapWorker | undefined;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bell: Doorbell;
  readonly #hostBell: Doorbell;
  readonly #inbox: CellInbox;
  readonly #framesIn: RingWriter;
  readonly #framesOut: RingReader;
  readonly #outbox: CellOutbox;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = Promise.withResolvers<void>();
  #sequence = 0;
  #over = false;
  #stopping = false;
  #heartbeat = -1;
  #still = 0;

  constructor({ listener, module, swap, disks, ...options }: CellParameters) {
    this.#listener = listener;
    this.poolBytes = options.poolBytes;
    this.channel = createChannel();
    this.#words = new Int32Array(this.channel.status);
    this.#bell = new Doorbell(this.#words, CELL_BELL);
    this.#hostBell = new Doorbell(this.#words, HOST_BELL);
    this.#inbox = new CellInbox(this.channel.inbox, this.#words, this.#bell);
    this.#framesIn = new RingWriter(this.channel.framesIn);
    this.#framesOut = new RingReader(this.channel.framesOut);
    this.#outbox = new CellOutbox(new RingReader(this.channel.outbox), {
      console: (vm, bytes) => listener.console(vm, bytes),
      state: (vm, notice) => listener.state(vm, notice),
      consumed: (vm, cost) =>
        this.#write({
          kind: COMMAND.CONSOLE_CONSUMED,
          subject: vm,
          sequence: 0,
          payload: encode(cost),
        }),
      capture: (vm, record, length) => listener.capture?.(vm, record, length),
      reply: (sequence, value) => this.#settle(sequence)?.resolve(value),
      failure: (sequence, { message, field }) =>
        this.#settle(sequence)?.reject(new CellError(message, field)),
    });
    this.#worker = new Worker(
      module ?? new URL("./worker.ts", import.meta.url),
      CELL_WORKER_OPTIONS,
    );
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(`the cell's thread failed: ${event.message}`);
    };
    const bell = { status: this.channel.status, index: CELL_BELL };
    this.#swap = swap && new SwapWorker(swap, bell, (reason) => this.#end(reason));
    this.disks = disks?.plug(bell.status, bell.index, (reason) => this.#end(reason));
    const start: CellStart = {
      channel: this.channel,
      options: {
        ...options,
        swapChannel: this.#swap?.channel,
        diskChannel: this.disks?.channel,
      },
    };
    this.#worker.postMessage(start);
    this.#pump();
  }

  /** Not over: requests can be made. */
  get alive(): boolean {
    return !this.#over;
  }

  /** Sends a command and waits for its answer. Rejects with a CellError. */
  request(kind: number, subject: number, value?: unknown): Promise<unknown> {
    return this.#request(kind, subject, value instanceof Uint8Array ? value : encode(value));
  }

  #request(kind: number, subject: number, payload: Uint8Array): Promise<unknown> {
    if (this.#over || this.#stopping) return Promise.reject(new CellError("the cell is gone"));
    const most = this.#inbox.payloadMaximum;
    if (payload.length > most) {
      const message = `request: expected at most ${most} bytes in all, got ${payload.length}`;
      return Promise.reject(new CellError(message, "request"));
    }
    this.#sequence = (this.#sequence + 1) & 0x7fffffff || 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(this.#sequence, { resolve, reject });
    this.#write({ kind, subject, sequence: this.#sequence, payload });
    return promise;
  }

  /** Loads an image under a number of the caller's choice. */
  loadImage(id: number, name: string, file: Uint8Array): Promise<unknown> {
    if (file.length > IMAGE_BYTES_MAXIMUM) {
      const error = `expected at most ${IMAGE_BYTES_MAXIMUM} bytes, got ${file.length}`;
      return Promise.reject(new CellError(`image: ${error}`, "image"));
    }
    const header = encode({ name, bytes: file.length });
    this.#write({ kind: COMMAND.IMAGE_BEGIN, subject: id, sequence: 0, payload: header });
    for (let start = 0; start < file.length; start += CHUNK_BYTES) {
      const payload = file.subarray(start, start + CHUNK_BYTES);
      this.#write({ kind: COMMAND.IMAGE_CHUNK, subject: id, sequence: 0, payload });
    }
    return this.#request(COMMAND.IMAGE_END, id, EMPTY);
  }

  /** Gives a frame to the cell; false if it had to be dropped. */
  sendFrame(frame: Uint8Array, offload = 0): boolean {
    if (this.#over) return false;
    try {
      if (this.#framesIn.write(FRAME, offload, 0, frame)) {
        this.#inbox.ringSoon();
        return true;
      }
    } catch (error) {
      this.#broken(error);
    }
    this.framesDropped++;
    return false;
  }

  /** Half of the ring for frames to the cell is in use. */
  get crowded(): boolean {
    try {
      return this.#framesIn.used > this.#framesIn.payloadMaximum;
    } catch (error) {
      this.#broken(error);
      return true;
    }
  }

  /** To be called about once a second; `patience` calls without a heartbeat end the cell. */
  check(patience: number): void {
    if (this.#over) return;
    const heartbeat = Atomics.load(this.#words, HEARTBEAT);
    this.#still = heartbeat === this.#heartbeat ? this.#still + 1 : 0;
    this.#heartbeat = heartbeat;
    const starting = Atomics.load(this.#words, LIFE) === CELL_STATE.STARTING;
    if (this.#still >= (starting ? Math.max(patience, START_PATIENCE) : patience)) {
      this.#end(`its heartbeat stood still at ${heartbeat} for ${this.#still} checks`);
    }
  }

  /** Asks the cell to leave its loop; false if it did not within the time. */
  async stop(milliseconds = STOP_MS): Promise<boolean> {
    this.#stopping = true;
    this.#askToStop();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const ended = await Promise.race([this.#ended.promise.then(() => true), late]);
    clearTimeout(timer);
    if (!ended) this.#end("it did not stop when it was asked to");
    return !this.abandoned;
  }

  #askToStop(): void {
    Atomics.store(this.#words, STOP, 1);
    this.#bell.ring();
  }

  #write(record: InboxRecord): void {
    if (this.#over) return;
    try {
      this.#inbox.send(record);
    } catch (error) {
      this.#broken(error);
    }
  }

  #settle(sequence: number): Waiting | undefined {
    const waiting = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    return waiting;
  }

  async #pump(): Promise<void> {
    while (!this.#over) {
      const seen = this.#hostBell.value;
      try {
        this.#turn();
      } catch (error) {
        this.#broken(error);
        return;
      }
      if (this.#over) return;
      // A cell that always has news must not keep the rest of the supervisor from running.
      await (this.#hostBell.waitAsync(seen) ?? new Promise<void>((next) => setImmediate(next)));
    }
  }

  /**
   * Whatever the cell wrote: nonsense in a ring, or a shape that no cell of ours writes. It is found by
   * whoever looks, also when that is another cell that sends a frame, and is the fault of this cell.
   */
  #broken(error: unknown): void {
    const what = error instanceof RingCorruption ? "a ring is corrupt" : "it wrote nonsense";
    this.#end(`${what}: ${error instanceof Error ? error.message : error}`);
  }

  #turn(): void {
    const life = Atomics.load(this.#words, LIFE);
    this.#inbox.flush();
    this.#swap?.check();
    const more = this.#takeFrames();
    const room = this.#outbox.drain(TURN_RECORDS);
    if (room && Atomics.exchange(this.#words, OUTBOX_WAIT, 0) !== 0) this.#bell.ring();
    if (more || this.#outbox.waiting) {
      this.#hostBell.ring();
    } else if (life === CELL_STATE.DIED) {
      this.#end(`a bug ended it: ${this.#message()}`);
    } else if (life === CELL_STATE.STOPPED) {
      this.#end("it ended by itself");
    }
  }

  #takeFrames(): boolean {
    for (let n = 0; n < TURN_RECORDS; n++) {
      if (!this.#framesOut.next()) return false;
      this.#listener.frame(this.#framesOut.payload(), this.#framesOut.subject);
      this.#framesOut.release();
    }
    return true;
  }

  #message(): string {
    const length = Atomics.load(this.#words, MESSAGE_LENGTH);
    const bounded = Math.max(0, Math.min(length, MESSAGE_MAXIMUM));
    // A copy: TextDecoder of a shared buffer is not allowed everywhere.
    return new TextDecoder().decode(
      new Uint8Array(this.channel.status, MESSAGE_BYTE, bounded).slice(),
    );
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    const life = Atomics.load(this.#words, LIFE);
    if (life !== CELL_STATE.DIED && life !== CELL_STATE.STOPPED) {
      this.#askToStop();
      this.abandoned = life === CELL_STATE.RUNNING;
    }
    this.#worker.terminate();
    this.#swap?.stop();
    this.disks?.unplug();
    const error = new CellError(`the cell is gone: ${reason}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#inbox.close();
    this.#outbox.close();
    this.#hostBell.ring();
    this.#ended.resolve();
    if (!this.#stopping) this.#listener.died(reason);
  }
}
