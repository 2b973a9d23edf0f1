/** A file in memory, of 64 blocks; `trouble` is called before every operation and may throw or shorten it. */

import { assert } from "@std/assert";
import { BLOCK_BYTES } from "../disk/channel.ts";
import type { HostFile } from "../disk/file.ts";

export class MemoryFile implements HostFile {
  readonly bytes = new Uint8Array(64 * BLOCK_BYTES);
  readonly log: string[] = [];
  links = 1;
  size = this.bytes.length;
  closed = false;
  trouble: (what: string, length: number) => number = (_what, length) => length;
  /** A flush ends when this does. */
  flushed: Promise<void> = Promise.resolve();

  read(buffer: Uint8Array, position: number): number {
    const length = this.#begin("read", buffer.length, position);
    buffer.set(this.bytes.subarray(position, position + length));
    return length;
  }
  write(buffer: Uint8Array, position: number): number {
    const length = this.#begin("write", buffer.length, position);
    this.bytes.set(buffer.subarray(0, length), position);
    return length;
  }
  async sync(): Promise<void> {
    this.log.push("sync");
    await this.flushed;
    this.trouble("sync", 0);
  }
  stat() {
    return { size: this.size, links: this.links };
  }
  close(): void {
    this.closed = true;
  }
  #begin(what: string, length: number, position: number): number {
    assert(!this.closed, "a file is used after it was closed");
    this.log.push(`${what} ${position / BLOCK_BYTES} ${length / BLOCK_BYTES}`);
    return this.trouble(what, length);
  }
}
