/**
 * The disks of a supervisor: the store, the worker that serves cells, and which VM's disks are open.
 */

import type { DiskUnit } from "../../devices/disk.ts";
import { asFileError } from "../host_error.ts";
import { RequestError } from "../request_error.ts";
import type { VmRecord } from "../vm/record.ts";
import type { VmRequest } from "../vm/request.ts";
import type { DiskAttachment } from "./checks.ts";
import { DiskWorker } from "./disk_worker.ts";
import type { StateStore } from "../state/store.ts";
import { openDiskRecords } from "./records.ts";
import { type DiskFile, inUse } from "./folder.ts";
import { type DiskLimits, DiskStore } from "./store.ts";

export interface DisksOptions {
  /** Disks outlive the process in its `disks`; default: they are in a temporary folder. */
  readonly dataFolder?: string;
  /** What is known of them. */
  readonly state: StateStore;
  readonly limits?: DiskLimits;
  /** Files from elsewhere that are disks for as long as the process lives. */
  readonly files?: readonly DiskFile[];
  event(type: string, message: string, vm?: number): void;
}

/** A VM's disks while their files are open. */
export interface OpenDisks {
  /** Number of the cell's plug. */
  readonly cell: number;
  readonly units: readonly DiskUnit[];
  /** They are being closed. */
  closing?: Promise<void>;
}

/** Throws a RequestError unless the disks of a request exist. */
export function requireDisks(
  { disks: wanted }: Pick<VmRequest, "disks">,
  disks: Disks | undefined,
): void {
  if (wanted.length === 0) return;
  if (disks === undefined) {
    throw new RequestError("disks", "got some", "none: a deterministic run has no disks");
  }
  for (const { name } of wanted) disks.store.record(name);
}

export class Disks {
  readonly store: DiskStore;
  readonly worker: DiskWorker;
  readonly #closing = new Set<Promise<void>>();

  private constructor(store: DiskStore, worker: DiskWorker) {
    this.store = store;
    this.worker = worker;
  }

  static async open(
    { dataFolder, state, limits, files = [], event }: DisksOptions,
  ): Promise<Disks> {
    let folder: string | undefined;
    if (dataFolder !== undefined) {
      await Deno.mkdir(`${dataFolder}/disks`, { recursive: true, mode: 0o700 });
      folder = await Deno.realPath(`${dataFolder}/disks`);
    }
    const records = await openDiskRecords(state);
    const settled = () => disks.settled();
    const store = new DiskStore({ folder, records, limits, event, settled });
    for (const file of files) await store.adopt(file);
    const worker = new DiskWorker(() => store.files.paths, ({ vm, path, message }) => {
      event("disk.error", `${diskName(path)}: ${message}`, vm);
    });
    const disks: Disks = new Disks(store, worker);
    return disks;
  }

  /** From here on nobody else gets the VM's disks in a way that does not go together with this. */
  attach({ id, request }: VmRecord): void {
    for (const { name, readOnly } of request.disks) {
      this.store.holders.attach(name, id, readOnly);
    }
  }

  /** Gives a VM that does not run other disks. Throws a RequestError, and it keeps what it has. */
  exchange(vm: VmRecord, disks: readonly DiskAttachment[]): void {
    const before = vm.request;
    this.detach(vm);
    vm.request = { ...before, disks };
    try {
      this.attach(vm);
    } catch (error) {
      this.detach(vm);
      vm.request = before;
      this.attach(vm);
      throw error;
    }
  }

  detach({ id, request }: VmRecord): void {
    this.store.holders.detach(id, request.disks.map(({ name }) => name));
  }

  /** Opens the files of a VM's disks for the cell that it is in. Throws a RequestError. */
  async openFor(vm: VmRecord): Promise<readonly DiskUnit[]> {
    const { id, request, cell } = vm;
    if (request.disks.length === 0) return [];
    if (cell?.disks === undefined) {
      throw inUse(request.disks[0].name, "its cell has no disk worker");
    }
    await vm.openDisks?.closing;
    const units: DiskUnit[] = [];
    vm.openDisks = { cell: cell.disks.number, units };
    try {
      for (const { name, readOnly } of request.disks) {
        const { blocks } = this.store.record(name);
        this.store.holders.setRunning(name, id, true);
        const path = this.store.files.path(name);
        const order = { cell: cell.disks.number, vm: id, path, blocks, readOnly };
        const handle = await this.worker.open(order).catch((error) => {
          throw inUse(name, error.message);
        });
        units.push({ name, blocks, readOnly, handle });
      }
    } catch (error) {
      await this.closeFor(vm);
      throw asFileError(error);
    }
    return units;
  }

  /** Closes them, when what the VM asked for before is done. */
  async closeFor(vm: VmRecord): Promise<void> {
    const open = vm.openDisks;
    if (open === undefined) return;
    const closing = open.closing ??= this.#close(vm, open);
    this.#closing.add(closing);
    await closing;
    this.#closing.delete(closing);
    if (vm.openDisks === open) vm.openDisks = undefined;
  }

  /** Resolves when the files of VMs that have ended are closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  async #close({ id, request }: VmRecord, { cell, units }: OpenDisks): Promise<void> {
    // What fails because the worker is gone needs no closing.
    await Promise.allSettled(units.map(({ handle }) => this.worker.close(cell, handle)));
    for (const { name } of request.disks) this.store.holders.setRunning(name, id, false);
  }

  /** Ends the worker; no cell uses it any more. */
  close(): void {
    this.worker.stop();
    this.store.files.close();
  }
}

function diskName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.disk$/, "");
}
