/**
 * The cells of a supervisor: where there is room for a VM, which images each has, and a new cell in
 * the place of one that is over.
 */

import { Cell, type CellListener } from "./cell.ts";
import type { StoredImage } from "./image_store.ts";
import type { CellPort, Network } from "./network.ts";

export interface CellPoolOptions {
  readonly cells: number;
  readonly poolBytes: number;
  readonly deterministic?: boolean;
  readonly module?: URL;
  /** Checks without a heartbeat, one per second, until a cell is given up. */
  readonly patience?: number;
  readonly network?: Network;
}

/** As CellListener, with the cell that tells: what it says of VMs of other cells is not true. */
export interface CellPoolListener {
  console(cell: Cell, ...told: Parameters<CellListener["console"]>): void | Promise<void>;
  state(cell: Cell, ...told: Parameters<CellListener["state"]>): void;
  /** Another cell stands in its place, with the same index. */
  died(cell: Cell, index: number, reason: string): void;
}

interface Slot {
  cell: Cell;
  port: CellPort | undefined;
  /** Bytes of memory promised to VMs. */
  promised: number;
  /** Images that the cell has, by hash: a number once they are loaded. */
  images: Map<string, Promise<number>>;
}

const CHECK_MS = 1000;
const PATIENCE = 10;

export class CellPool {
  readonly #options: CellPoolOptions;
  readonly #listener: CellPoolListener;
  readonly #slots: Slot[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #nextImage = 1;
  #abandoned = 0;

  constructor(options: CellPoolOptions, listener: CellPoolListener) {
    this.#options = options;
    this.#listener = listener;
    for (let index = 0; index < options.cells; index++) this.#slots.push(this.#open(index));
    this.#timer = setInterval(() => {
      for (const { cell } of this.#slots) cell.check(options.patience ?? PATIENCE);
    }, CHECK_MS);
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Cells that did not end when they were told to: only `Deno.exit` ends their threads. */
  get abandoned(): number {
    return this.#abandoned;
  }

  cell(index: number): Cell {
    return this.#slots[index].cell;
  }

  get cells(): Cell[] {
    return this.#slots.map((slot) => slot.cell);
  }

  /** The index of the cell with the most room; `release` gives back what `reserve` took. */
  reserve(bytes: number): number {
    let best = 0;
    for (let index = 1; index < this.#slots.length; index++) {
      if (this.#slots[index].promised < this.#slots[best].promised) best = index;
    }
    this.#slots[best].promised += bytes;
    return best;
  }

  /** `cell` is the one that was current at `reserve`; a later one in its place owes nothing. */
  release(index: number, cell: Cell, bytes: number): void {
    const slot = this.#slots[index];
    if (slot.cell === cell) slot.promised -= bytes;
  }

  /** Loads an image into a cell unless it is there; its number in that cell. */
  image(index: number, image: StoredImage): Promise<number> {
    const { images, cell } = this.#slots[index];
    const known = images.get(image.hash);
    if (known !== undefined) return known;
    const id = this.#nextImage++;
    const loading = cell.loadImage(id, image.name, image.file).then(() => id);
    images.set(image.hash, loading);
    loading.catch(() => images.delete(image.hash));
    return loading;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#slots.map(async ({ cell, port }) => {
      if (!await cell.stop()) this.#abandoned++;
      port?.unplug();
    }));
  }

  #open(index: number): Slot {
    const { poolBytes, deterministic, module, network } = this.#options;
    const cell: Cell = new Cell({
      poolBytes,
      deterministic,
      module,
      listener: {
        console: (vm, bytes) => this.#listener.console(cell, vm, bytes),
        state: (vm, notice) => this.#listener.state(cell, vm, notice),
        frame: (frame) => port?.send(frame),
        died: (reason) => this.#replace(index, cell, reason),
      },
    });
    const port = network?.plug(`cell-${index}`, (frame) => cell.sendFrame(frame));
    return { cell, port, promised: 0, images: new Map() };
  }

  #replace(index: number, cell: Cell, reason: string): void {
    if (cell.abandoned) this.#abandoned++;
    this.#slots[index].port?.unplug();
    this.#slots[index] = this.#open(index);
    this.#listener.died(cell, index, reason);
  }
}
