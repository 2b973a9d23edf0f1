/**
 * The cells of a supervisor: where there is room for a VM, which images each has, and a new cell in
 * the place of one that is over.
 */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import type { Mechanisms } from "../../kernel/mechanisms.ts";
import { Cell, type CellListener } from "./cell.ts";
import type { StoredImage } from "../image/store.ts";
import type { CellPort, Network } from "../network.ts";
import { COMMAND } from "./protocol.ts";
import type { DiskWorker } from "../disk/disk_worker.ts";
import type { SwapSettings } from "../swap/swap_worker.ts";

export interface CellPoolOptions {
  readonly cells: number;
  readonly poolBytes: number;
  readonly deterministic?: boolean;
  readonly engine?: EngineSettings;
  readonly mechanisms?: Partial<Mechanisms>;
  readonly swap?: SwapSettings;
  readonly disks?: DiskWorker;
  readonly module?: URL;
  /** Checks without a heartbeat, one per second, until a cell is given up. */
  readonly patience?: number;
  readonly network?: Network;
}

/** As CellListener, with the cell that tells: what it says of VMs of other cells is not true. */
export interface CellPoolListener {
  console(cell: Cell, ...told: Parameters<CellListener["console"]>): void | Promise<void>;
  state(cell: Cell, ...told: Parameters<CellListener["state"]>): void;
  capture(cell: Cell, ...told: Parameters<NonNullable<CellListener["capture"]>>): void;
  /** Another cell stands in its place, with the same index. */
  died(cell: Cell, index: number, reason: string): void;
}

interface Slot {
  cell: Cell;
  port: CellPort | undefined;
  /** Bytes of memory promised to VMs. */
  promised: number;
  /** Images that the cell has, by hash; those without users in the order in which they lost them. */
  images: Map<string, LoadedImage>;
}

interface LoadedImage {
  /** Its number in the cell, once it is loaded. */
  readonly id: Promise<number>;
  readonly bytes: number;
  /** VMs that were made from it and those that are being made. */
  users: number;
}

/** Images kept without a VM, for the next one: that many, and that part of the pool's bytes. */
const UNUSED_MAXIMUM = 16, UNUSED_SHARE = 1 / 16;

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

  /** Memory for VMs, and how much of it is promised to them; it may be more than there is. */
  get capacity(): { cells: number; poolBytes: number; promisedBytes: number } {
    const promisedBytes = this.#slots.reduce((sum, { promised }) => sum + promised, 0);
    const cells = this.#slots.length;
    return { cells, poolBytes: cells * this.#options.poolBytes, promisedBytes };
  }

  cell(index: number): Cell {
    return this.#slots[index].cell;
  }

  get cells(): Cell[] {
    return this.#slots.map((slot) => slot.cell);
  }

  /**
   * The index of the cell with the most room, in which VM `vm` is from now on; `release` gives back
   * what `reserve` took.
   */
  reserve(vm: number, bytes: number): number {
    let best = 0;
    for (let index = 1; index < this.#slots.length; index++) {
      if (this.#slots[index].promised < this.#slots[best].promised) best = index;
    }
    this.#slots[best].promised += bytes;
    this.#slots[best].port?.place(vm);
    return best;
  }

  /**
   * Gives back the memory and the image of a VM. `cell` is the one that was current at `reserve`; a
   * later one in its place owes nothing.
   */
  release(index: number, cell: Cell, bytes: number, image: StoredImage): void {
    const slot = this.#slots[index];
    if (slot.cell !== cell) return;
    slot.promised -= bytes;
    this.#releaseImage(slot, image.hash);
  }

  /** Loads an image into a cell unless it is there, for one VM; its number in that cell. */
  image(index: number, image: StoredImage): Promise<number> {
    const { images, cell } = this.#slots[index];
    let loaded = images.get(image.hash);
    if (loaded === undefined) {
      const id = this.#nextImage++;
      const loading = cell.loadImage(id, image.name, image.file).then(() => id);
      loaded = { id: loading, bytes: image.file.length, users: 0 };
      images.set(image.hash, loaded);
      loading.catch(() => images.delete(image.hash));
    }
    loaded.users++;
    return loaded.id;
  }

  /** Rejects if a cell's kernel cannot load an image. */
  async tryImage(image: StoredImage): Promise<void> {
    const slot = this.#slots[0];
    await this.image(0, image);
    this.#releaseImage(slot, image.hash);
  }

  /** An image that lost its last VM stays for the next one, until too many of them do. */
  #releaseImage(slot: Slot, hash: string): void {
    const { images, cell } = slot;
    const image = images.get(hash);
    if (image === undefined || --image.users > 0) return;
    images.delete(hash);
    images.set(hash, image);
    const unused = [...images].filter(([, { users }]) => users <= 0);
    let bytes = unused.reduce((sum, [, image]) => sum + image.bytes, 0);
    for (let first = 0; first < unused.length; first++) {
      const few = unused.length - first <= UNUSED_MAXIMUM;
      if (few && bytes <= cell.poolBytes * UNUSED_SHARE) return;
      const [hash, image] = unused[first];
      bytes -= image.bytes;
      images.delete(hash);
      image.id.then((id) => cell.request(COMMAND.IMAGE_DROP, id)).catch(() => {});
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#slots.map(async ({ cell, port }) => {
      if (!await cell.stop()) this.#abandoned++;
      port?.unplug();
    }));
  }

  #open(index: number): Slot {
    const { poolBytes, deterministic, engine, mechanisms, swap, disks, module, network } =
      this.#options;
    const cell: Cell = new Cell({
      poolBytes,
      deterministic,
      engine,
      mechanisms,
      swap,
      disks,
      module,
      listener: {
        console: (vm, bytes) => this.#listener.console(cell, vm, bytes),
        state: (vm, notice) => this.#listener.state(cell, vm, notice),
        capture: (vm, record, length) => this.#listener.capture(cell, vm, record, length),
        frame: (frame, offload) => port?.send(frame, offload),
        died: (reason) => this.#replace(index, cell, reason),
      },
    });
    const port = network?.plug(`cell-${index}`, {
      deliver: (frame, offload) => cell.sendFrame(frame, offload),
      crowded: () => cell.crowded,
    });
    return { cell, port, promised: 0, images: new Map() };
  }

  #replace(index: number, cell: Cell, reason: string): void {
    if (cell.abandoned) this.#abandoned++;
    this.#slots[index].port?.unplug();
    this.#slots[index] = this.#open(index);
    this.#listener.died(cell, index, reason);
  }
}
