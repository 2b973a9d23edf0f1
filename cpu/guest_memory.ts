/**
 * The slow paths of guest memory: unaligned and page-straddling accesses, absent pages, pages that hold code,
 * faults, and copies of many bytes.
 *
 * Rules: see runtime.ts; and an access checks all of its pages before it changes a byte.
 */

import { effort } from "./effort.ts";
import {
  EXIT_EXCEPTION,
  EXIT_WAIT,
  PAGE_MASK,
  PF_USER,
  PF_WRITE,
  type Pool,
  PRESENT,
  RESOLVE_WAIT,
  X86_PF,
} from "./engine.ts";
import { MEMORY_BYTE, stateImage } from "./operation.ts";
import { STEP_LEAVE } from "./printer.ts";
import type { Run } from "./runtime.ts";
import { type CpuState, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "./state.ts";

/**
 * What it costs to find a page that is in no table, and often to give it a frame; an access to two pages; and so many
 * bytes of a bulk copy. See effort.ts.
 */
const MISS_WORK = 32, STRADDLE_WORK = 4, BULK_SHIFT = 8;

/** The helpers of the IR and of printed loads and stores, by name. */
export function memoryHelpers(pool: Pool, C: CpuState, X: Run) {
  const pages = pageAccess(pool, C, X);
  return {
    ...scalarHelpers(pool, pages),
    ...rangeHelpers(pool, C, pages),
    ...bulkHelpers(pool, X, pages),
  };
}

type PageAccess = ReturnType<typeof pageAccess>;

/** Finds where guest addresses lie in the pool. */
function pageAccess(pool: Pool, C: CpuState, X: Run) {
  const { u8 } = pool;
  const R = C.i32;

  /** Counts what takes longer than an instruction; a region leaves when the budget is used up. */
  function spend(units: number): void {
    effort.units += units;
    if (effort.units > effort.maximum) X.leave = STEP_LEAVE;
  }

  function miss(address: number, write: boolean): number {
    const page = address >>> 12, before = X.readTable[page];
    spend(MISS_WORK);
    X.mapping++;
    const entry = X.space.resolve(page, write);
    if (entry > 0) {
      // Code that remembers where the page was must look again.
      if ((before & PRESENT) !== 0 && ((before ^ entry) & ~PAGE_MASK) !== 0) X.leave = STEP_LEAVE;
      return entry;
    }
    if (entry === RESOLVE_WAIT) {
      X.fault = EXIT_WAIT;
    } else {
      X.fault = EXIT_EXCEPTION;
      R[EXIT_VECTOR] = X86_PF;
      R[EXIT_ERROR] = write ? PF_USER | PF_WRITE : PF_USER;
      R[EXIT_ADDRESS] = address;
    }
    return 0;
  }

  /** Byte offset of `address` in the pool, or -1 after a fault. */
  function locate(address: number, write: boolean): number {
    const table = write ? X.writeTable : X.readTable;
    let entry = table[address >>> 12];
    if ((entry & PRESENT) === 0) {
      entry = miss(address, write);
      if (entry === 0) return -1;
    }
    return (entry & ~PAGE_MASK) | (address & PAGE_MASK);
  }

  // Where the two parts of the last straddling access lie.
  let first = 0, second = 0;

  /**
   * Locates an access that straddles two pages. Resolving one page may take the other one's frame away,
   * so both are looked up again until both are there at once.
   */
  function straddle(address: number, bytes: number, write: boolean): boolean {
    const next = (address + bytes - 1) & ~PAGE_MASK;
    spend(STRADDLE_WORK);
    for (let attempt = 0; attempt < 4; attempt++) {
      first = locate(address, write);
      if (first < 0) return false;
      second = locate(next, write);
      if (second < 0) return false;
      const table = write ? X.writeTable : X.readTable;
      if ((table[address >>> 12] & PRESENT) !== 0 && (table[next >>> 12] & PRESENT) !== 0) {
        return true;
      }
    }
    X.fault = EXIT_WAIT;
    return false;
  }

  function straddles(address: number, bytes: number): boolean {
    return (address & PAGE_MASK) > PAGE_MASK + 1 - bytes;
  }

  /** The byte at `index` of a straddling access. */
  function partOffset(address: number, index: number): number {
    const room = PAGE_MASK + 1 - (address & PAGE_MASK);
    return index < room ? first + index : second + index - room;
  }

  function loadParts(address: number, bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value |= u8[partOffset(address, i)] << (8 * i);
    return value;
  }

  function storeParts(address: number, bytes: number, value: number): void {
    for (let i = 0; i < bytes; i++) u8[partOffset(address, i)] = value >>> (8 * i);
  }

  /** Whether `bytes` <= 4096 bytes can be accessed; `first` and `second` are then valid. */
  function check(address: number, bytes: number, write: boolean): boolean {
    if (straddles(address, bytes)) return straddle(address, bytes, write);
    first = locate(address, write);
    return first >= 0;
  }

  /** Byte offset in the pool of the first byte of the range that `check` accepted last. */
  const firstOffset = (): number => first;

  return {
    spend,
    locate,
    straddles,
    straddle,
    check,
    partOffset,
    firstOffset,
    loadParts,
    storeParts,
  };
}

/** Accesses of 1, 2, 4 and 8 bytes that are not aligned or whose page is not present. */
function scalarHelpers(pool: Pool, pages: PageAccess) {
  const { u8, view } = pool;
  const { locate, straddles, straddle, check, partOffset, firstOffset, loadParts, storeParts } =
    pages;
  const parts = new DataView(new ArrayBuffer(8));
  return {
    load8(address: number): number {
      const at = locate(address, false);
      return at < 0 ? 0 : u8[at] << 24 >> 24;
    },
    load16(address: number): number {
      if (straddles(address, 2)) {
        return straddle(address, 2, false) ? loadParts(address, 2) << 16 >> 16 : 0;
      }
      const at = locate(address, false);
      return at < 0 ? 0 : view.getInt16(at, true);
    },
    load32(address: number): number {
      if (straddles(address, 4)) return straddle(address, 4, false) ? loadParts(address, 4) : 0;
      const at = locate(address, false);
      return at < 0 ? 0 : view.getInt32(at, true);
    },
    load64(address: number): number {
      if (straddles(address, 8)) {
        if (!straddle(address, 8, false)) return 0;
        for (let i = 0; i < 8; i++) parts.setUint8(i, u8[partOffset(address, i)]);
        return parts.getFloat64(0, true);
      }
      const at = locate(address, false);
      return at < 0 ? 0 : view.getFloat64(at, true);
    },
    store8(address: number, value: number): void {
      const at = locate(address, true);
      if (at >= 0) u8[at] = value;
    },
    store16(address: number, value: number): void {
      if (straddles(address, 2)) {
        if (straddle(address, 2, true)) storeParts(address, 2, value);
        return;
      }
      const at = locate(address, true);
      if (at >= 0) view.setInt16(at, value, true);
    },
    store32(address: number, value: number): void {
      if (straddles(address, 4)) {
        if (straddle(address, 4, true)) storeParts(address, 4, value);
        return;
      }
      const at = locate(address, true);
      if (at >= 0) view.setInt32(at, value, true);
    },
    store64(address: number, value: number): void {
      if (straddles(address, 8)) {
        if (!straddle(address, 8, true)) return;
        parts.setFloat64(0, value, true);
        for (let i = 0; i < 8; i++) u8[partOffset(address, i)] = parts.getUint8(i);
        return;
      }
      const at = locate(address, true);
      if (at >= 0) view.setFloat64(at, value, true);
    },
    // A place (printer.ts), or -1: neither simple, so go through loadN, storeN.
    reserve8(address: number): number {
      return locate(address, true);
    },
    reserve16(address: number): number {
      if (!check(address, 2, true)) return -1;
      return (address & 1) === 0 ? firstOffset() >> 1 : -1;
    },
    reserve32(address: number): number {
      if (!check(address, 4, true)) return -1;
      return (address & 3) === 0 ? firstOffset() >> 2 : -1;
    },
    reserve64(address: number): number {
      if (!check(address, 8, true)) return -1;
      return straddles(address, 8) ? -1 : firstOffset();
    },
  };
}

/** Accesses of any length up to a page. */
function rangeHelpers(pool: Pool, C: CpuState, pages: PageAccess) {
  const { u8 } = pool;
  const { check, partOffset } = pages;

  /** Copies between the pool at the range of the last `check` and `target`, in either direction. */
  function copy(
    address: number,
    bytes: number,
    target: Uint8Array,
    at: number,
    toPool: boolean,
  ): void {
    for (let i = 0; i < bytes; i++) {
      const offset = partOffset(address, i);
      if (toPool) u8[offset] = target[at + i];
      else target[at + i] = u8[offset];
    }
  }

  /** Memory to the buffer of operations; `image` = 1: to `stateImage`. */
  function loadScratch(address: number, bytes: number, image: number): void {
    if (!check(address, bytes, false)) return;
    if (image !== 0) copy(address, bytes, stateImage, 0, false);
    else copy(address, bytes, C.u8, MEMORY_BYTE, false);
  }

  return {
    loadScratch,
    reloadScratch: (address: number, bytes: number): void => loadScratch(address, bytes, 0),
    /** Faults unless `bytes` (at most 4096) can be written at `address`. */
    reserveRange(address: number, bytes: number): void {
      check(address, bytes, true);
    },
    /** Faults unless `bytes` (at most 4096) can be read at `address`. */
    checkRange(address: number, bytes: number): void {
      check(address, bytes, false);
    },
    /** The buffer of operations to memory that `reserveRange` has checked. */
    storeScratch(address: number, bytes: number, image: number): void {
      if (!check(address, bytes, true)) return;
      if (image !== 0) copy(address, bytes, stateImage, 0, true);
      else copy(address, bytes, C.u8, MEMORY_BYTE, true);
    },
  };
}

/** Many elements of a repeated string instruction at once. */
function bulkHelpers(pool: Pool, X: Run, pages: PageAccess) {
  const { u8, view } = pool;
  const { locate, spend } = pages;
  return {
    /**
     * REP MOVS forwards: moves up to `count` elements of `size` bytes and returns how many, at most to the
     * next page boundary; 0: the caller moves one by itself (and meets the fault, if there is one).
     */
    bulkMove(size: number, target: number, source: number, count: number): number {
      const room = PAGE_MASK + 1 - Math.max(target & PAGE_MASK, source & PAGE_MASK);
      let elements = Math.min(count >>> 0, Math.floor(room / size));
      if (elements === 0) return 0;
      const from = locate(source, false);
      const to = from < 0 ? -1 : locate(target, true);
      if (to < 0 || (X.readTable[source >>> 12] & PRESENT) === 0) {
        X.fault = 0;
        return 0;
      }
      // The copy on write of the target may have moved the source.
      const origin = locate(source, false);
      // An overlap to the right repeats what has just been written.
      if (to > origin) elements = Math.min(elements, Math.floor((to - origin) / size));
      if (elements > 0) u8.copyWithin(to, origin, origin + elements * size);
      spend(elements * size >> BULK_SHIFT);
      return elements;
    },
    /** REP STOS forwards: as bulkMove. */
    bulkFill(size: number, target: number, value: number, count: number): number {
      const room = PAGE_MASK + 1 - (target & PAGE_MASK);
      const elements = Math.min(count >>> 0, Math.floor(room / size));
      if (elements === 0) return 0;
      const to = locate(target, true);
      if (to < 0) {
        X.fault = 0;
        return 0;
      }
      spend(elements * size >> BULK_SHIFT);
      const low = value & 0xff;
      const uniform = size === 1 || value << 16 >> 16 === ((low | low << 8) << 16 >> 16) &&
          (size === 2 || value >> 16 === value << 16 >> 16);
      if (uniform) u8.fill(low, to, to + elements * size);
      else if (size === 4 && (to & 3) === 0) pool.i32.fill(value, to >> 2, (to >> 2) + elements);
      else {
        for (let i = 0; i < elements; i++) {
          if (size === 2) view.setInt16(to + i * 2, value, true);
          else view.setInt32(to + i * 4, value, true);
        }
      }
      return elements;
    },
  };
}
