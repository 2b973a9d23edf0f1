/**
 * The files of disks: `NAME.disk` in one folder, and files from elsewhere that were named as disks.
 *
 * Who uses a file locks it (flock): the store for as long as it is copied or changed, the disk worker for as
 * long as a VM has it. So two processes may share files and none takes away what the other one uses.
 */

import { asFileError } from "../host_error.ts";
import { RequestError } from "../request_error.ts";
import { BLOCK_BYTES } from "./channel.ts";
import { checkDiskName } from "./checks.ts";
import type { DiskRecord } from "./records.ts";

/** A file from elsewhere that is a disk. */
export interface DiskFile {
  readonly name: string;
  readonly path: string;
}

export class DiskFolder {
  readonly #adopted = new Map<string, { readonly path: string; readonly record: DiskRecord }>();

  #folder: string | undefined;
  #temporary = false;

  /** An existing folder, without symbolic links in its path; without one, a temporary one if it is needed. */
  constructor(folder?: string) {
    this.#folder = folder;
  }

  get folder(): string {
    if (this.#folder === undefined) {
      this.#folder = temporaryFolder();
      this.#temporary = true;
    }
    return this.#folder;
  }

  /** Everything that there is now, for whoever is to use it. */
  get paths(): string[] {
    const adopted = [...this.#adopted.values()].map(({ path }) => path);
    return this.#folder === undefined ? adopted : [this.#folder, ...adopted];
  }

  /** Removes a temporary folder. */
  close(): void {
    if (!this.#temporary) return;
    this.#temporary = false;
    try {
      Deno.removeSync(this.#folder!, { recursive: true });
    } catch {
      // Somebody else has removed it.
    }
  }

  path(name: string): string {
    return this.#adopted.get(name)?.path ?? `${this.folder}/${name}.disk`;
  }

  /** Where a disk is written until it is whole. */
  partPath(name: string): string {
    return `${this.folder}/${name}.${crypto.randomUUID()}.part`;
  }

  /** What is known of a file from elsewhere. */
  adopted(name: string): DiskRecord | undefined {
    return this.#adopted.get(name)?.record;
  }

  /** Lets a file from elsewhere be a disk, in whole blocks. Throws a RequestError. */
  async adopt({ name, path }: DiskFile): Promise<void> {
    checkDiskName(name, "disks");
    let real: string, stat: Deno.FileInfo;
    try {
      real = await Deno.realPath(path);
      stat = await Deno.stat(real);
    } catch (error) {
      const got = `${path}: ${(error as Error).message}`;
      throw new RequestError("disks", got, "a file that can be read");
    }
    const blocks = Math.floor(stat.size / BLOCK_BYTES);
    if (!stat.isFile || blocks === 0 || this.#adopted.has(name)) {
      const got = stat.isFile ? `got ${path} with ${stat.size} bytes` : `${path} is no file`;
      const expected = `files with names of their own, from ${BLOCK_BYTES} bytes on`;
      throw new RequestError("disks", got, expected);
    }
    const record = { name, blocks, created: new Date().toISOString() };
    this.#adopted.set(name, { path: real, record });
  }

  exists(name: string): boolean {
    try {
      Deno.lstatSync(this.path(name));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Opens a disk that nobody else writes to, or nobody else has at all. Throws a RequestError. */
  async openLocked(name: string, write: boolean): Promise<Deno.FsFile> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(this.path(name), { read: true, write });
    } catch (error) {
      throw asFileError(error);
    }
    if (file.tryLockSync(write)) return file;
    file.close();
    throw inUse(name, "another process uses it, or it is being copied");
  }

  /** As openLocked, if the file has the bytes that the disk should have. */
  async openWhole(name: string, bytes: number, write: boolean): Promise<Deno.FsFile> {
    const file = await this.openLocked(name, write);
    const { size } = await file.stat();
    if (size >= bytes) return file;
    file.close();
    const got = `${this.path(name)} has shrunk to ${size} bytes`;
    throw new RequestError(
      "file",
      got,
      `the ${bytes} bytes of disk ${name}: restore the file`,
      500,
    );
  }

  /** Removes what interrupted processes left; not what another one is just writing. */
  removeParts(): void {
    if (this.#folder === undefined) return;
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      if (!name.endsWith(".part")) continue;
      using file = Deno.openSync(`${this.folder}/${name}`, { write: true });
      if (file.tryLockSync(true)) Deno.removeSync(`${this.folder}/${name}`);
    }
  }
}

function temporaryFolder(): string {
  try {
    return Deno.realPathSync(Deno.makeTempDirSync({ prefix: "denali-disks-" }));
  } catch (error) {
    const got = `no temporary folder for disks: ${(error as Error).message}`;
    throw new RequestError("file", got, "a data folder (up --data), or another TMPDIR", 500);
  }
}

export function inUse(name: string, why: string): RequestError {
  return new RequestError("disk", `${name} cannot be used: ${why}`, "a disk that is free", 409);
}
