/**
 * The memory of the two VMs of a machine: frames that they share until one writes (copy on write), pages that
 * are absent for a while, and frames that are used again for something else.
 */

import {
  type AddressSpace,
  type CodeCache,
  type Pool,
  PRESENT,
  RESOLVE_FAULT,
  RESOLVE_WAIT,
} from "../../cpu/engine.ts";
import { PAGE, PAGE_LIMIT, READ_ONLY } from "./layout.ts";

/** Frames with reference counts, and which of them hold code, as kernel/frames.ts. */
export class Frames {
  codeCache: CodeCache = { dropFrame: () => {} };
  private readonly references: Int32Array;
  private readonly code: Uint8Array;
  /** The one that was freed last is used again first. */
  private readonly free: number[] = [];

  constructor(readonly pool: Pool) {
    const count = pool.u8.length / PAGE;
    this.references = new Int32Array(count);
    this.code = new Uint8Array(count);
    for (let frame = count - 1; frame > 0; frame--) this.free.push(frame * PAGE);
  }

  allocate(): number {
    const frame = this.free.pop();
    if (frame === undefined) throw new Error("frames: expected a free one, got none");
    this.references[frame / PAGE] = 1;
    return frame;
  }

  share(frame: number): void {
    this.references[frame / PAGE]++;
  }

  isShared(frame: number): boolean {
    return this.references[frame / PAGE] > 1;
  }

  release(frame: number): void {
    if (--this.references[frame / PAGE] > 0) return;
    this.dropCode(frame);
    this.free.push(frame);
  }

  markCode(frame: number): void {
    this.code[frame / PAGE] = 1;
  }

  /** Before the bytes of a frame change. */
  dropCode(frame: number): void {
    if (this.code[frame / PAGE] === 0) return;
    this.code[frame / PAGE] = 0;
    this.codeCache.dropFrame(frame);
  }
}

export class Space implements AddressSpace {
  readonly readTable: Int32Array = new Int32Array(PAGE_LIMIT);
  readonly writeTable: Int32Array = new Int32Array(PAGE_LIMIT);
  /** Pages that `resolve` was asked for while they were absent. */
  readonly wanted: Set<number> = new Set();
  private readonly frames = new Map<number, number>();
  private readonly absent = new Set<number>();

  constructor(private readonly table: Frames) {}

  /** Byte offset in the pool of a page that is mapped. */
  frame(page: number): number {
    return this.frames.get(page)!;
  }

  /** Takes over a reference to the frame. */
  map(page: number, frame: number): void {
    const old = this.frames.get(page);
    this.evict(page);
    this.frames.set(page, frame);
    if (old !== undefined) this.table.release(old);
  }

  /** Exchanges what two pages show. */
  exchange(a: number, b: number): void {
    const [frameA, frameB] = [this.frame(a), this.frame(b)];
    this.evict(a);
    this.evict(b);
    this.frames.set(a, frameB);
    this.frames.set(b, frameA);
  }

  /** The table forgets a page; it can still be had. */
  evict(page: number): void {
    this.readTable[page] = this.writeTable[page] = 0;
  }

  /** The page has to be waited for. */
  remove(page: number): void {
    this.evict(page);
    this.absent.add(page);
  }

  /** Brings back the pages that were wanted. */
  bringIn(): void {
    for (const page of this.wanted) this.absent.delete(page);
    this.wanted.clear();
  }

  resolve(page: number, write: boolean): number {
    const frame = this.frames.get(page);
    if (frame === undefined || (write && page === READ_ONLY)) return RESOLVE_FAULT;
    if (this.absent.has(page)) {
      this.wanted.add(page);
      return RESOLVE_WAIT;
    }
    if (!write) return this.readTable[page] = frame | PRESENT;
    const own = this.makeOwn(page, frame);
    return this.readTable[page] = this.writeTable[page] = own | PRESENT;
  }

  private makeOwn(page: number, frame: number): number {
    const { table } = this;
    if (!table.isShared(frame)) {
      table.dropCode(frame);
      return frame;
    }
    const copy = table.allocate();
    table.pool.u8.copyWithin(copy, frame, frame + PAGE);
    this.frames.set(page, copy);
    table.release(frame);
    return copy;
  }

  protectCode(page: number): void {
    const frame = this.frames.get(page);
    if (frame === undefined) return;
    this.table.markCode(frame);
    this.writeTable[page] = 0;
  }

  /** As a device or the kernel writes, between runs. */
  write(page: number, offset: number, bytes: Uint8Array): void {
    const frame = this.makeOwn(page, this.frame(page));
    this.evict(page);
    this.table.pool.u8.set(bytes, frame + offset);
  }
}
