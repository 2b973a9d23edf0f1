/**
 * What the disk worker does: take the requests of all cells, move bytes between staging areas and files,
 * flush, answer.
 *
 * - VMs take turns of TURN_BLOCKS blocks or TURN_MS, over all cells, so that nobody's queue delays another's by more
 *   than a turn each. Requests of one VM are performed in the order in which they were sent.
 * - Reads and writes block this thread; they mostly meet the host's page cache. A flush waits for the
 *   device, in another thread, and nobody but the VM waits with it. Flushes of one file that come while one is under
 *   way are answered together by the next.
 * - Whatever a file does wrong becomes a status for the VM and a `trouble` for the operator. A cell that
 *   writes nonsense is not served any more.
 */

import {
  type CellSide,
  checkRequest,
  type Hold,
  type OpenOrder,
  type Queue,
  type Request,
} from "./cell_side.ts";
import { Doorbell, RingCorruption, RingReader, RingWriter } from "../../devices/ring.ts";
import { CONSTANTS } from "../../kernel/abi.ts";
import { BLOCK_BYTES, DISK_BELL, type DiskChannel, SLOTS } from "./channel.ts";
import { isFull } from "../host_error.ts";
import { DiskFile, type HostFile } from "./file.ts";
import { Flusher } from "./flusher.ts";

const READ = CONSTANTS.DISK_READ.value;
const FLUSH = CONSTANTS.DISK_FLUSH.value;
const DONE = CONSTANTS.DISK_DONE.value;
const TURN_BLOCKS = CONSTANTS.DISK_REQUEST_BLOCKS.value;
/** A turn ends after the request with which it has taken so long: the file is not in the page cache. */
const TURN_MS = 1;
/** Least time between two reports about one VM's disk. */
const TELL_MS = 1000;
/** How long it works before it looks for other events. */
const SLICE_MS = 2;

/** Something that an operator should know. */
export interface Trouble {
  readonly cell: number;
  readonly vm: number;
  readonly path: string;
  readonly message: string;
}

export interface ServerListener {
  open(path: string, readOnly: boolean): HostFile;
  trouble(trouble: Trouble): void;
  /** A cell wrote nonsense and is not served any more. */
  corrupt(cell: number, message: string): void;
}

export class DiskServer {
  readonly #listener: ServerListener;
  readonly #cells = new Map<number, CellSide>();
  readonly #files = new Map<string, DiskFile>();
  /** Files that are closed when their last flush has ended. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #flusher = new Flusher();
  readonly #line: Queue[] = [];
  /** Blocks that the first in line has moved in its turn. */
  #moved = 0;
  /** When its turn ends, of performance.now. */
  #turnEnd = 0;
  #working = false;

  constructor(listener: ServerListener) {
    this.#listener = listener;
  }

  /** Serves a cell from now on; resolves when it is dropped. */
  async serveCell(number: number, channel: DiskChannel, cellBell: Doorbell): Promise<void> {
    const side = this.#addCell(number, channel, cellBell);
    while (!side.gone) {
      const seen = side.bell.value;
      this.#take(side);
      await (side.bell.waitAsync(seen) ?? turn());
    }
  }

  #addCell(number: number, channel: DiskChannel, cellBell: Doorbell): CellSide {
    const side: CellSide = {
      number,
      requests: new RingReader(channel.requests),
      answers: new RingWriter(channel.answers),
      staging: new Uint8Array(channel.staging),
      bell: new Doorbell(new Int32Array(channel.status), DISK_BELL),
      cellBell,
      holds: new Map(),
      queues: new Map(),
      busy: new Uint8Array(SLOTS),
      gone: false,
    };
    this.#cells.set(number, side);
    return side;
  }

  /** The cell is over: what it wants is not answered any more. */
  dropCell(number: number): void {
    const side = this.#cells.get(number);
    if (side === undefined) return;
    side.gone = true;
    this.#cells.delete(number);
    for (const hold of side.holds.values()) this.#release(hold);
    side.holds.clear();
    side.bell.ring();
  }

  /** Opens a handle. Rejects if the file cannot be opened, is in use elsewhere, or is too short. */
  async open(order: OpenOrder): Promise<void> {
    await this.#closing.get(order.path);
    const side = this.#cells.get(order.cell);
    if (side === undefined) throw new Error(`there is no cell ${order.cell}`);
    const file = this.#file(order);
    try {
      file.look(order.blocks);
    } catch (error) {
      this.#releaseFile(file);
      throw error;
    }
    let queue = side.queues.get(order.vm);
    if (queue === undefined) side.queues.set(order.vm, queue = { requests: [], users: 0 });
    queue.users++;
    side.holds.set(order.handle, { ...order, file, queue, open: 0, toldAt: -Infinity, untold: 0 });
  }

  /** Closes a handle when what was asked of it before is done. */
  async close(cell: number, handle: number): Promise<void> {
    const side = this.#cells.get(cell);
    if (side === undefined) return;
    this.#take(side);
    const hold = side.holds.get(handle);
    if (hold === undefined) return;
    side.holds.delete(handle);
    if (hold.open > 0) await new Promise<void>((resolve) => hold.closed = resolve);
    this.#release(hold);
  }

  /** Takes the requests of a cell out of its ring. */
  #take(side: CellSide): void {
    if (side.gone) return;
    try {
      while (side.requests.next()) {
        const { kind, subject, sequence } = side.requests;
        const payload = side.requests.copy();
        side.requests.release();
        this.#accept(side, kind, subject, sequence, payload);
      }
    } catch (error) {
      if (!(error instanceof RingCorruption)) throw error;
      this.dropCell(side.number);
      this.#listener.corrupt(side.number, error.message);
    }
    this.#start();
  }

  /** Performs requests until none waits, or for SLICE_MS; false: none waits. */
  #work(): boolean {
    const line = this.#line;
    let now = performance.now();
    const end = now + SLICE_MS;
    this.#turnEnd = now + TURN_MS;
    while (line.length > 0) {
      const queue = line[0];
      const request = queue.requests.shift()!;
      this.#perform(request);
      this.#moved += Math.max(1, request.count);
      now = performance.now();
      const more = queue.requests.length > 0;
      if (!more || this.#moved >= TURN_BLOCKS || now >= this.#turnEnd) {
        // Whoever has come meanwhile is before the one whose turn this was.
        this.#cells.forEach((side) => this.#take(side));
        line.shift();
        if (more) line.push(queue);
        this.#moved = 0;
        this.#turnEnd = now + TURN_MS;
      }
      if (now >= end) return line.length > 0;
    }
    return false;
  }

  async #start(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    while (this.#work()) await turn();
    this.#working = false;
  }

  #accept(
    side: CellSide,
    operation: number,
    slot: number,
    handle: number,
    payload: Uint8Array<ArrayBuffer>,
  ): void {
    const request = checkRequest(side, operation, slot, handle, payload);
    const { hold } = request;
    side.busy[slot] = 1;
    hold.open++;
    if (hold.queue.requests.length === 0) this.#line.push(hold.queue);
    hold.queue.requests.push(request);
  }

  #perform(request: Request): void {
    const { side, hold, operation, block, count, place } = request;
    if (side.gone) return this.#answer(request, DONE);
    const { file, blocks } = hold;
    if (operation === FLUSH) {
      this.#flusher.flush(file, blocks, (error) => this.#finish(request, error));
      return;
    }
    const buffer = side.staging.subarray(place * BLOCK_BYTES, (place + count) * BLOCK_BYTES);
    try {
      if (operation === READ) file.read(buffer, block, blocks);
      else file.write(buffer, block, blocks);
      this.#answer(request, DONE);
    } catch (error) {
      this.#finish(request, error);
    }
  }

  #finish(request: Request, error: unknown): void {
    if (error === undefined) return this.#answer(request, DONE);
    const { operation, block, count } = request;
    const full = operation !== READ && isFull(error);
    this.#answer(request, full ? CONSTANTS.DISK_FULL.value : CONSTANTS.DISK_ERROR.value);
    const what = operation === FLUSH
      ? "flush"
      : `${operation === READ ? "read" : "write"} of ${count} blocks from ${block} on`;
    const why = error instanceof Error ? error.message : String(error);
    this.#tell(request, `${what}: ${why}`);
  }

  /** A guest may try again and again: the operator hears of it once in a while. */
  #tell({ side, hold }: Request, message: string): void {
    const now = performance.now();
    if (now - hold.toldAt < TELL_MS) {
      hold.untold++;
      return;
    }
    const more = hold.untold > 0 ? ` (and ${hold.untold} more since the last report)` : "";
    hold.toldAt = now;
    hold.untold = 0;
    const { vm, path } = hold;
    this.#listener.trouble({ cell: side.number, vm, path, message: message + more });
  }

  #answer({ side, hold, slot }: Request, status: number): void {
    hold.open--;
    if (!side.gone) {
      side.busy[slot] = 0;
      try {
        if (!side.answers.write(status, slot, 0, NOTHING)) {
          throw new RingCorruption("disks: expected room for an answer");
        }
        side.cellBell.ring();
      } catch (error) {
        this.dropCell(side.number);
        this.#listener.corrupt(side.number, (error as Error).message);
      }
    }
    if (hold.open === 0) hold.closed?.();
  }

  #file({ path, readOnly }: OpenOrder): DiskFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = new DiskFile(path, this.#listener.open(path, readOnly), readOnly);
      this.#files.set(path, file);
    } else if (!readOnly || !file.readOnly) {
      throw new Error(`${path} is in use`);
    }
    file.users++;
    return file;
  }

  #release(hold: Hold): void {
    const { queues } = this.#cells.get(hold.cell) ?? {};
    if (--hold.queue.users === 0) queues?.delete(hold.vm);
    this.#releaseFile(hold.file);
  }

  #releaseFile(file: DiskFile): void {
    if (--file.users > 0) return;
    this.#files.delete(file.path);
    this.#closing.set(
      file.path,
      new Promise((resolve) =>
        this.#flusher.whenIdle(file, () => {
          file.file.close();
          this.#closing.delete(file.path);
          resolve();
        })
      ),
    );
  }
}

const NOTHING = new Uint8Array(0);

/** Lets other events have their turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
