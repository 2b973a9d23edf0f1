/**
 * The file of a disk, open in the disk worker: one for all VMs that share it.
 *
 * It is locked, for one process to write or for many to read. What was open may still change under the
 * worker's hands (somebody truncates or removes the file), so it is looked at again: before every write and
 * flush, and now and then before a read. After a flush has failed nothing can be promised about what was
 * written before (Linux forgets what it could not write: Rebello et al., "Can Applications Recover from
 * fsync Failures?", USENIX ATC 2020), so the file takes no writes any more.
 */

import type { Positioned } from "../positioned.ts";
import { BLOCK_BYTES } from "./channel.ts";

/** What the worker needs of the host's file; all but `sync` block. */
export interface HostFile extends Positioned {
  /** fdatasync in another thread. */
  sync(): Promise<void>;
  stat(): { readonly size: number; readonly links: number };
  close(): void;
}

/** Milliseconds between two looks at a file that is only read. */
const LOOK_MS = 100;

export class DiskFile {
  /** Handles that use it. */
  users = 0;
  /** A flush has failed, with this message. */
  broken = "";
  #looked = -Infinity;

  constructor(readonly path: string, readonly file: HostFile, readonly readOnly: boolean) {}

  /** Throws an error that tells what is wrong with a file that should have so many blocks. */
  look(blocks: number): void {
    const { size, links } = this.file.stat();
    if (links === 0) throw new Error(`the file was removed while it was in use: ${this.path}`);
    if (size < blocks * BLOCK_BYTES) {
      throw new Error(
        `expected ${blocks * BLOCK_BYTES} bytes in ${this.path}, it has shrunk to ${size}`,
      );
    }
    this.#looked = performance.now();
  }

  read(buffer: Uint8Array, block: number, blocks: number): void {
    if (performance.now() - this.#looked > LOOK_MS) this.look(blocks);
    const position = block * BLOCK_BYTES;
    for (let done = 0; done < buffer.length;) {
      const count = this.file.read(done === 0 ? buffer : buffer.subarray(done), position + done);
      if (count <= 0) {
        const what = `expected ${buffer.length} bytes at ${position} of ${this.path}`;
        throw new Error(`${what}, got ${done}`);
      }
      done += count;
    }
  }

  write(buffer: Uint8Array, block: number, blocks: number): void {
    this.#requireWhole();
    this.look(blocks);
    const position = block * BLOCK_BYTES;
    for (let done = 0; done < buffer.length;) {
      const count = this.file.write(done === 0 ? buffer : buffer.subarray(done), position + done);
      if (count <= 0) {
        throw new Error(`${this.path} took ${done} of ${buffer.length} bytes at ${position}`);
      }
      done += count;
    }
  }

  async flush(blocks: number): Promise<void> {
    if (this.readOnly) return;
    this.#requireWhole();
    this.look(blocks);
    try {
      await this.file.sync();
    } catch (error) {
      this.broken = (error as Error).message;
      throw error;
    }
  }

  #requireWhole(): void {
    if (this.broken === "") return;
    throw new Error(`a flush of ${this.path} has failed before: ${this.broken}`);
  }
}
