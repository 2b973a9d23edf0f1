/**
 * The simplest AddressSpace: a pool whose frames are one VM's pages, in order. For tests and measurements of
 * engines without a kernel.
 */

import {
  type AddressSpace,
  type CodeCache,
  PAGE_SHIFT,
  PAGE_SIZE,
  type Pool,
  PRESENT,
  RESOLVE_FAULT,
} from "./engine.ts";

/** Views of one buffer. */
export function createPool(bytes: number): Pool {
  const buffer = new SharedArrayBuffer(bytes);
  return {
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    view: new DataView(buffer),
  };
}

export class FlatSpace implements AddressSpace {
  readonly readTable: Int32Array;
  readonly writeTable: Int32Array;
  /** The engine to tell of writes to code. */
  codeCache: CodeCache | null = null;
  private readonly writable: Uint8Array;

  /** Pages from `first` on are mapped readable and writable, the frame number being the page number. */
  constructor(pages: number, first = 1) {
    this.readTable = new Int32Array(pages);
    this.writeTable = new Int32Array(pages);
    this.writable = new Uint8Array(pages);
    for (let page = first; page < pages; page++) this.map(page, page, true);
  }

  map(page: number, frame: number, writable: boolean): void {
    this.readTable[page] = frame * PAGE_SIZE | PRESENT;
    this.writeTable[page] = writable ? this.readTable[page] : 0;
    this.writable[page] = writable ? 1 : 0;
  }

  unmap(page: number): void {
    this.readTable[page] = this.writeTable[page] = this.writable[page] = 0;
  }

  resolve(page: number, write: boolean): number {
    if (page >= this.readTable.length) return RESOLVE_FAULT;
    const entry = this.readTable[page];
    if (!write || this.writable[page] === 0) return write ? RESOLVE_FAULT : entry;
    this.codeCache?.dropFrame(entry & ~(PAGE_SIZE - 1));
    this.writeTable[page] = entry;
    return entry;
  }

  protectCode(page: number): void {
    this.writeTable[page] = 0;
  }
}

/** The page that holds an address. */
export function pageOf(address: number): number {
  return address >>> PAGE_SHIFT;
}
