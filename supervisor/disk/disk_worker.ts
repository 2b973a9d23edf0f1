/**
 * The supervisor's side of the disk worker: starts it when the first disk is attached, tells it which
 * handles there are, and passes on what it tells.
 *
 * The worker is trusted with the files and nothing else. If its thread fails, which is a bug, the cells
 * whose VMs have disks are told, because nobody will answer them any more.
 */

import { fileWorkerOptions } from "../worker_options.ts";
import { createDiskChannel, type DiskChannel } from "./channel.ts";
import type { OpenOrder } from "./cell_side.ts";
import type { Trouble } from "./server.ts";
import type { DiskNews, DiskOrder } from "./worker.ts";

/** What a cell has of it. */
export interface DiskPlug {
  readonly number: number;
  readonly channel: DiskChannel;
  unplug(): void;
}

interface PluggedCell {
  readonly status: SharedArrayBuffer;
  readonly bell: number;
  readonly channel: DiskChannel;
  /** Handles that are open. */
  readonly handles: Set<number>;
  /** The cell cannot go on. */
  failed(reason: string): void;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

export class DiskWorker {
  readonly #paths: () => string[];
  readonly #trouble: (trouble: Trouble) => void;
  readonly #cells = new Map<number, PluggedCell>();
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #nextCell = 1;
  #nextHandle = 1;
  #sequence = 0;
  #closed = false;

  /** The paths are of folders and files that exist when the first one is opened, without symbolic links. */
  constructor(paths: () => string[], trouble: (trouble: Trouble) => void) {
    this.#paths = paths;
    this.#trouble = trouble;
  }

  /** A channel for a cell. */
  plug(status: SharedArrayBuffer, bell: number, failed: (reason: string) => void): DiskPlug {
    const number = this.#nextCell++;
    const cell = { status, bell, channel: createDiskChannel(), handles: new Set<number>(), failed };
    this.#cells.set(number, cell);
    if (this.#worker !== null) this.#tellCell(number, cell);
    return {
      number,
      channel: cell.channel,
      unplug: () => {
        this.#cells.delete(number);
        this.#tell({ type: "drop", cell: number });
      },
    };
  }

  /** Opens a file for a VM of a cell; returns the handle. Rejects with the reason. */
  async open(order: Omit<OpenOrder, "handle">): Promise<number> {
    if (this.#closed) throw new Error("the disks are closed");
    this.#start();
    const handle = this.#nextHandle++;
    this.#cells.get(order.cell)?.handles.add(handle);
    try {
      await this.#ask((sequence) => ({ type: "open", sequence, order: { ...order, handle } }));
    } catch (error) {
      this.#cells.get(order.cell)?.handles.delete(handle);
      throw error;
    }
    return handle;
  }

  /** Closes a handle after what was asked of it. */
  async close(cell: number, handle: number): Promise<void> {
    if (this.#worker === null) return;
    await this.#ask((sequence) => ({ type: "close", sequence, cell, handle }));
    this.#cells.get(cell)?.handles.delete(handle);
  }

  /** Ends the worker; no cell uses it any more. */
  stop(): void {
    this.#closed = true;
    this.#worker?.terminate();
    this.#worker = null;
    this.#rejectAll("the disks are closed");
  }

  #start(): void {
    if (this.#worker !== null) return;
    const url = new URL("./worker.ts", import.meta.url);
    this.#worker = new Worker(url, fileWorkerOptions(this.#paths()));
    this.#worker.onmessage = ({ data }: MessageEvent<DiskNews>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    for (const [number, cell] of this.#cells) this.#tellCell(number, cell);
  }

  #fail(message: string): void {
    if (this.#closed) return;
    this.#worker?.terminate();
    this.#worker = null;
    const reason = `the thread of the disks failed: ${message}`;
    this.#rejectAll(reason);
    for (const [number, { handles, failed }] of [...this.#cells]) {
      if (handles.size === 0) continue;
      this.#cells.delete(number);
      failed(reason);
    }
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  #hear(news: DiskNews): void {
    switch (news.type) {
      case "trouble":
        return this.#trouble(news.trouble);
      case "corrupt": {
        const cell = this.#cells.get(news.cell);
        this.#cells.delete(news.cell);
        return cell?.failed(`its disk ring is corrupt: ${news.message}`);
      }
      case "done": {
        const waiting = this.#waiting.get(news.sequence);
        this.#waiting.delete(news.sequence);
        if (news.error === undefined) waiting?.resolve();
        else waiting?.reject(new Error(news.error));
      }
    }
  }

  #ask(order: (sequence: number) => DiskOrder): Promise<void> {
    const sequence = ++this.#sequence;
    return new Promise((resolve, reject) => {
      this.#waiting.set(sequence, { resolve, reject });
      this.#tell(order(sequence));
    });
  }

  #tellCell(cell: number, { channel, status, bell }: PluggedCell): void {
    this.#tell({ type: "cell", cell, channel, cellStatus: status, cellBell: bell });
  }

  #tell(order: DiskOrder): void {
    this.#worker?.postMessage(order);
  }
}
