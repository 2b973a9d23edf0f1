/**
 * The disks of a supervisor: their files, who holds them, and how much there may be.
 *
 * `NAME.disk` in the folder of disks holds a disk's bytes, sparse. A new disk is written beside it as
 * `NAME.UUID.part`, made durable and renamed, so that a crash leaves all of a disk or nothing; what such a
 * crash left is removed at the next start. The name counts when its record is written.
 *
 * Who uses a file locks it (flock): here for as long as it is copied, in the disk worker for as long as a VM
 * has it. So two processes may share a folder and none takes away what the other one uses.
 *
 * What is asked wrongly is refused by a RequestError that names the field.
 */

import { asFileError } from "../host_error.ts";
import { RequestError } from "../request_error.ts";
import { formatSize } from "../size.ts";
import { syncFolder } from "../sync_folder.ts";
import { BLOCK_BYTES } from "./channel.ts";
import { checkDiskBytes, checkDiskName } from "./checks.ts";
import { type DiskFile, DiskFolder } from "./folder.ts";
import { DiskHolders } from "./holders.ts";
import type { DiskRecord, DiskRecords } from "./records.ts";
import { readFile, SparseWriter } from "./sparse.ts";

export interface DiskLimits {
  /** Bytes of one disk; default 1 TiB. */
  readonly diskBytes?: number;
  /** Bytes of all disks together; default 16 TiB. */
  readonly allBytes?: number;
}

export interface DiskSummary {
  readonly name: string;
  readonly bytes: number;
  /** Bytes that it takes on the host; null: its file is gone. */
  readonly usedBytes: number | null;
  readonly created: string;
  /** VMs that have it. */
  readonly vms: readonly { readonly id: number; readonly readOnly: boolean }[];
}

export interface DiskStoreOptions {
  /** An existing folder, without symbolic links in its path; default: a temporary one. */
  readonly folder?: string;
  readonly records: DiskRecords;
  readonly limits?: DiskLimits;
  /** Something that an operator should know. */
  event?(type: string, message: string, vm?: number): void;
  /** Resolves when the files of VMs that have ended are closed. */
  settled?(): Promise<void>;
}

/** A disk that is being made. */
interface Making {
  /** What it is counted with. */
  bytes: number;
  done: number;
  readonly total: number | undefined;
}

/** How far it is; `bytes`: in all, null if that is not known. */
export interface DiskMaking {
  readonly name: string;
  readonly doneBytes: number;
  readonly bytes: number | null;
}

export interface DiskImport {
  /** Its size, if it is to be larger than what comes. */
  readonly bytes?: number;
  /** Bytes that will come, as far as is known. */
  readonly total?: number;
  /** Called before the disk counts; may throw. */
  check?(): void;
}

export interface DiskExport {
  readonly bytes: number;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

const TEBI = 2 ** 40;

export class DiskStore {
  readonly files: DiskFolder;
  readonly limits: Required<DiskLimits>;
  readonly holders = new DiskHolders();
  readonly #records: DiskRecords;
  readonly #event: NonNullable<DiskStoreOptions["event"]>;
  readonly #settled: () => Promise<void>;
  /** Disks that are being made, and the bytes that they are counted with. */
  readonly #making = new Map<string, Making>();

  constructor({ folder, records, limits, event, settled }: DiskStoreOptions) {
    this.files = new DiskFolder(folder);
    this.limits = { diskBytes: TEBI, allBytes: 16 * TEBI, ...limits };
    this.#records = records;
    this.#event = event ?? (() => {});
    this.#settled = settled ?? (() => Promise.resolve());
    this.#examine();
  }

  list(): DiskSummary[] {
    return this.#records.list().map((record) => this.#summarize(record));
  }

  get(name: string): DiskSummary {
    return this.#summarize(this.record(name));
  }

  /** Throws a RequestError if there is none. */
  record(name: string): DiskRecord {
    const record = this.files.adopted(name) ?? this.#records.get(name);
    if (record !== undefined) return record;
    const names = this.#records.list().map((known) => known.name);
    const shown = names.slice(0, 20).join(", ") + (names.length > 20 ? " ..." : "");
    throw new RequestError(
      "disk",
      `no disk ${JSON.stringify(name)}`,
      names.length > 0 ? `one of ${shown}` : "a disk that was created: there is none yet",
      404,
    );
  }

  /** How far the import or copy of a disk is. Throws a RequestError if there is none under way. */
  making(name: string): DiskMaking {
    const making = this.#making.get(name);
    if (making === undefined) {
      const got = `${JSON.stringify(name)} is not being made`;
      throw new RequestError("name", got, "a disk whose import is under way", 404);
    }
    return { name, doneBytes: making.done, bytes: making.total ?? null };
  }

  /** Lets a file from elsewhere be a disk until the process ends. */
  adopt(file: DiskFile): Promise<void> {
    return this.files.adopt(file);
  }

  /** A disk of zeros, which takes no room until it is written. */
  async create(name: string, bytes: number): Promise<DiskSummary> {
    checkDiskBytes("bytes", bytes, this.limits.diskBytes);
    const summary = await this.#make(name, bytes, (writer) => writer.end(bytes));
    this.#event("disk.created", `${name}, ${formatSize(bytes)}`);
    return summary;
  }

  /** A disk with these bytes, and zeros up to the next block or to `bytes`. */
  async import(
    name: string,
    body: ReadableStream<Uint8Array> | null,
    { bytes = 0, total, check }: DiskImport = {},
  ): Promise<DiskSummary> {
    if (bytes > 0) checkDiskBytes("bytes", bytes, this.limits.diskBytes);
    if (total !== undefined && total > this.limits.diskBytes) {
      await body?.cancel();
      throw new RequestError("body", `got ${formatSize(total)}`, this.#quotaExpected(), 413);
    }
    const summary = await this.#make(name, bytes, async (writer) => {
      await this.#copy(name, body, writer);
      if (bytes > 0 && writer.length > bytes) {
        throw new RequestError(
          "size",
          `got ${bytes}, and ${writer.length} bytes came`,
          "at least what comes",
        );
      }
      if (writer.length === 0) throw new RequestError("body", "got nothing", "the disk's bytes");
      check?.();
      const size = Math.ceil(writer.length / BLOCK_BYTES) * BLOCK_BYTES;
      await writer.end(Math.max(size, bytes));
    }, total).finally(() => body?.cancel().catch(() => {}));
    this.#event("disk.imported", `${name}, ${formatSize(summary.bytes)}`);
    return summary;
  }

  /** The bytes of a disk that no VM is writing to; it is in use until the stream has ended. */
  async export(name: string): Promise<DiskExport> {
    const record = this.record(name);
    await this.#settled();
    this.holders.requireStill(name);
    const bytes = record.blocks * BLOCK_BYTES;
    const file = await this.files.openWhole(name, bytes, false);
    return { bytes, body: readFile(file, bytes) };
  }

  /** A copy of a disk that no VM is writing to. */
  async clone(name: string, copy: string): Promise<DiskSummary> {
    const bytes = this.record(name).blocks * BLOCK_BYTES;
    const { body } = await this.export(name);
    try {
      const summary = await this.#make(copy, bytes, async (writer) => {
        await this.#copy(copy, body, writer);
        await writer.end(bytes);
      }, bytes);
      this.#event("disk.created", `${copy}, ${formatSize(bytes)}, a copy of ${name}`);
      return summary;
    } finally {
      await body.cancel().catch(() => {});
    }
  }

  /** Makes a disk larger that no running VM has. */
  async resize(name: string, bytes: number): Promise<DiskSummary> {
    const record = this.record(name);
    const before = record.blocks * BLOCK_BYTES;
    checkDiskBytes("bytes", bytes, this.limits.diskBytes);
    if (bytes < before) {
      const expected = `at least its ${before}: a disk never shrinks, make a smaller one and copy`;
      throw new RequestError("bytes", `got ${bytes}`, expected);
    }
    this.#requireRoom(bytes - before);
    await this.#settled();
    this.holders.requireUnused(name, "resized");
    using file = await this.files.openWhole(name, before, true);
    this.holders.requireUnused(name, "resized");
    await file.truncate(bytes);
    await file.sync();
    await this.#records.put({ ...record, blocks: bytes / BLOCK_BYTES });
    this.#event("disk.resized", `${name}, ${formatSize(before)} to ${formatSize(bytes)}`);
    return this.get(name);
  }

  /** Throws a RequestError while a VM has it. */
  async delete(name: string): Promise<void> {
    this.record(name);
    this.holders.requireFree(name);
    // If its file is gone already, that is what was wanted.
    const there = this.files.exists(name);
    using _file = there ? await this.files.openLocked(name, true) : undefined;
    this.holders.requireFree(name);
    // A file without a record is found at the next start; a record without a file would be a broken disk.
    await this.#records.delete(name);
    if (there) await Deno.remove(this.files.path(name));
    this.#event("disk.deleted", name);
  }

  /** Bytes that disks may still have. */
  #left(): number {
    let sum = 0;
    for (const { blocks } of this.#records.list()) sum += blocks * BLOCK_BYTES;
    for (const { bytes } of this.#making.values()) sum += bytes;
    return this.limits.allBytes - sum;
  }

  /** A disk that is being made has so many bytes now. */
  #grow(making: Making, bytes: number): void {
    if (bytes <= making.bytes) return;
    if (bytes > this.limits.diskBytes || bytes - making.bytes > this.#left()) {
      const got = `got ${formatSize(bytes)} and more`;
      throw new RequestError("body", got, this.#quotaExpected(), 413);
    }
    making.bytes = bytes;
  }

  async #copy(name: string, body: ReadableStream<Uint8Array> | null, to: SparseWriter) {
    const making = this.#making.get(name)!;
    for await (const piece of body ?? []) {
      this.#grow(making, to.length + piece.length);
      await to.write(piece);
      making.done = to.length;
    }
  }

  #quotaExpected(): string {
    const { diskBytes, allBytes } = this.limits;
    return `at most ${formatSize(diskBytes)} in one disk and ${formatSize(allBytes)} in all: ` +
      "remove disks, or allow more";
  }

  #requireRoom(bytes: number): void {
    const left = this.#left();
    if (bytes <= left) return;
    const got = `${formatSize(bytes)} more, ${formatSize(Math.max(0, left))} are left`;
    throw new RequestError("bytes", got, this.#quotaExpected(), 507);
  }

  /** Makes a disk under a temporary name; `fill` writes and ends it. */
  async #make(
    name: string,
    bytes: number,
    fill: (writer: SparseWriter) => Promise<void>,
    total?: number,
  ): Promise<DiskSummary> {
    checkDiskName(name);
    this.requireNew(name);
    this.#requireRoom(bytes);
    const making = { bytes, done: 0, total };
    this.#making.set(name, making);
    const path = this.files.path(name), part = this.files.partPath(name);
    let written = part;
    try {
      using file = await Deno.open(part, { write: true, createNew: true, mode: 0o600 });
      file.lockSync(true);
      const writer = new SparseWriter(file);
      await fill(writer);
      const { size } = await file.stat();
      this.#grow(making, size);
      await Deno.rename(part, path);
      written = path;
      syncFolder(this.files.folder);
      const created = new Date().toISOString();
      await this.#records.put({ name, blocks: size / BLOCK_BYTES, created });
    } catch (error) {
      await Deno.remove(written).catch(() => {});
      throw asFileError(error);
    } finally {
      this.#making.delete(name);
    }
    return this.get(name);
  }

  /** Throws a RequestError if the name is taken. */
  requireNew(name: string): void {
    if (this.#records.get(name) !== undefined || this.#making.has(name)) {
      const taken = `${JSON.stringify(name)} is the name of another disk`;
      throw new RequestError("name", taken, "a name that is not in use", 409);
    }
    if (this.files.exists(name)) {
      const file = `there is a file ${this.files.path(name)} that belongs to no disk`;
      throw new RequestError("name", file, "another name, or that the file is moved away", 409);
    }
  }

  #summarize({ name, blocks, created }: DiskRecord): DiskSummary {
    let usedBytes: number | null = null;
    try {
      usedBytes = (Deno.statSync(this.files.path(name)).blocks ?? 0) * 512;
    } catch {
      // Told by null.
    }
    return { name, bytes: blocks * BLOCK_BYTES, usedBytes, created, vms: this.holders.of(name) };
  }

  /** Finds disks whose file does not fit. Files without a disk: state/orphans.ts. */
  #examine(): void {
    for (const { name, blocks } of this.#records.list()) {
      if (!this.files.exists(name)) {
        this.#event("disk.missing", `${name}: its file ${this.files.path(name)} is gone`);
      } else if (Deno.statSync(this.files.path(name)).size < blocks * BLOCK_BYTES) {
        const bytes = blocks * BLOCK_BYTES;
        this.#event("disk.missing", `${name}: expected ${bytes} bytes in ${this.files.path(name)}`);
      }
    }
    this.files.removeParts();
  }
}
