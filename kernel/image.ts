/**
 * An executable in the cell's memory: loaded once, its frames shared by every VM that runs it.
 *
 * Image frames are never written: a VM that writes to such a page gets a copy (kernel/memory.ts). A
 * page without bytes from the file (.bss) has no frame here; it reads the zero frame.
 */

import { PAGE_SHIFT, PAGE_SIZE, PRESENT } from "../cpu/engine.ts";
import { readExecutable, type Segment } from "./elf.ts";
import { ImageError } from "./errors.ts";
import { type FrameTable, ZERO_FRAME } from "./frames.ts";
import { SymbolTable } from "./symbols.ts";

export class Image {
  /** Address of the first instruction. */
  readonly entry: number;
  /** Address behind the highest segment, zeros included. */
  readonly end: number;
  readonly segments: readonly Segment[];
  readonly symbols: SymbolTable;
  /** VMs that read its frames. */
  users = 0;
  readonly #firstPage: number;
  /** Frame of page firstPage + i, or ZERO_FRAME. */
  #frames: Int32Array;
  /** The same with PRESENT set. */
  readonly #entries: Int32Array;
  #frameCount = 0;

  /** Loads an executable. Throws an ImageError; then nothing was allocated. */
  constructor(readonly name: string, file: Uint8Array, readonly table: FrameTable) {
    const { entry, segments, functions } = readExecutable(file);
    this.entry = entry;
    this.segments = segments;
    this.symbols = new SymbolTable(functions);
    const last = segments[segments.length - 1];
    this.end = last.address + last.memoryBytes;
    this.#firstPage = segments[0].address >>> PAGE_SHIFT;
    // The table ends with the last byte that comes from the file, not with a .bss of a gigabyte.
    const fileEnd = Math.max(...segments.map((s) => s.fileBytes > 0 ? s.address + s.fileBytes : 0));
    const pages = Math.max(0, ((fileEnd + PAGE_SIZE - 1) >>> PAGE_SHIFT) - this.#firstPage);
    this.#frames = new Int32Array(pages);
    for (const segment of segments) this.#load(segment, file);
    this.#entries = this.#frames.map((frame) => frame | PRESENT);
  }

  /** Frames that hold its bytes. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** The frame of a page of the VM's memory: ZERO_FRAME where the image has no bytes. */
  frame(page: number): number {
    const index = page - this.#firstPage;
    return index >= 0 && index < this.#frames.length ? this.#frames[index] : ZERO_FRAME;
  }

  /** The first page that has bytes, and how many pages there are from there to the last. */
  get firstPage(): number {
    return this.#firstPage;
  }

  get pageCount(): number {
    return this.#entries.length;
  }

  /** Puts its pages into a table for reading, as far as that goes. */
  mapInto(readTable: Int32Array): void {
    const room = readTable.length - this.#firstPage;
    if (room <= 0) return;
    const fits = room >= this.#entries.length;
    readTable.set(
      fits ? this.#entries : this.#entries.subarray(0, room),
      this.#firstPage,
    );
  }

  /** True if an address lies in an executable segment. */
  isCode(address: number): boolean {
    return this.segments.some((s) =>
      s.executable && address >= s.address && address < s.address + s.memoryBytes
    );
  }

  /** Gives back its frames. */
  release(): void {
    for (const frame of this.#frames) {
      if (frame !== ZERO_FRAME) this.table.release(frame);
    }
    this.#frames = new Int32Array(0);
    this.#frameCount = 0;
  }

  #load(segment: Segment, file: Uint8Array): void {
    const { u8 } = this.table.pool;
    let done = 0;
    while (done < segment.fileBytes) {
      const address = segment.address + done;
      const within = address % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - within, segment.fileBytes - done);
      const frame = this.#frameFor(address >>> PAGE_SHIFT);
      const from = segment.offset + done;
      u8.set(file.subarray(from, from + count), frame + within);
      done += count;
    }
  }

  #frameFor(page: number): number {
    const index = page - this.#firstPage;
    if (this.#frames[index] !== ZERO_FRAME) return this.#frames[index];
    const frame = this.table.allocate();
    if (frame < 0) {
      const held = this.#frameCount;
      this.release();
      throw new ImageError(
        "pool",
        `expected free memory for the image, got ${held} frames of ${PAGE_SIZE} bytes and no more: ` +
          "destroy VMs or enlarge the pool",
      );
    }
    this.table.pool.u8.fill(0, frame, frame + PAGE_SIZE);
    this.#frames[index] = frame;
    this.#frameCount++;
    return frame;
  }
}
