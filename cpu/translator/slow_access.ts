/**
 * Memory accesses of a region that its inline TLB (memory_printer.ts) does not answer.
 *
 * They tell the region through the words of `S`: whether it must leave, and which page it may now reach without
 * asking. A store that must not go on has changed nothing.
 */

import { PAGE_MASK, PRESENT } from "../engine.ts";
import { MEMORY_WORD } from "../operation.ts";
import type { Environment } from "../runtime.ts";

// Words of S.
/** Not 0: leave before the instruction, for a fault or because what the region was made from changed. */
export const STOP = 0;
/** The address of the page that was reached, or -1; and what to add to an address in it to get into the pool. */
export const TAG = 1, OFFSET = 2;
// What a region leaves when it ends.
/** How it ended: see below. */
export const ENDED = 3;
/** What remains of the budget; also where it asks for the time. */
export const LEFT = 4;
/** 0, or -1 to hide every page from the region. */
export const HIDDEN = 5;
const WORDS = 6;

// Values of ENDED other than 0.
/** It gave up an instruction, and EIP is the number of the place where. */
export const GAVE_UP = 1;
/** A computed jump left it: this and the number of the instruction. */
export const FIRST_SITE = 2;

/** Index in D (a part of the buffer of operations) of what slowLoad64 and stackLoad64 have read. */
export const SLOW_DOUBLE: number = (MEMORY_WORD >> 1) + 1;

/** An address that is in no page. */
const NOWHERE = -1;

type Access = (address: number, value: number) => number | void;

export interface SlowAccesses {
  readonly S: Int32Array;
  /** By the names that regions know them by. */
  readonly accesses: Readonly<Record<string, Access>>;
}

/** The functions for different widths are written out, because V8 optimises each for the view that it uses. */
export function createSlowAccesses(environment: Environment): SlowAccesses {
  const S = new Int32Array(WORDS);
  // V8 inlines these functions into regions, and there knows the value of a local, but not of an import.
  const inPage = PAGE_MASK, present = PRESENT, stop = STOP, tag = TAG, offset = OFFSET;
  const hidden = HIDDEN, slowDouble = SLOW_DOUBLE;
  const { X, D, M8, V } = environment as Environment & Views;
  const { load8, load16, load32, load64, store8, store16, store32, store64 } = environment as
    & Environment
    & Loads;
  /** Whether `bytes` at `address` lie in one page, which is there. */
  function isSimple(entry: number, address: number, bytes: number): boolean {
    return (entry & present) !== 0 && (address & inPage) <= inPage + 1 - bytes;
  }

  /** Tells the page of `address`; returns where the address lies in the pool. */
  function tell(entry: number, address: number): number {
    const page = address & ~inPage, frame = entry & ~inPage;
    S[stop] = 0;
    S[tag] = page | S[hidden];
    S[offset] = frame - page;
    return frame | (address & inPage);
  }

  /** After an access that was not simple. */
  function settle(value: number): number {
    S[stop] = X.fault | X.leave;
    S[tag] = NOWHERE;
    return value;
  }

  /** Whether the address can be written; the region must leave if not. */
  function reserve(width: 8 | 16 | 32 | 64, address: number): boolean {
    settle((environment[`reserve${width}`] as Load)(address));
    return S[stop] === 0;
  }

  // `e` is the entry of the page.
  const get8 = (e: number, a: number) => (e & present) !== 0 ? M8[tell(e, a)] : settle(load8(a));
  const get16 = (e: number, a: number) =>
    isSimple(e, a, 2) ? V.getInt16(tell(e, a), true) : settle(load16(a));
  const get32 = (e: number, a: number) =>
    isSimple(e, a, 4) ? V.getInt32(tell(e, a), true) : settle(load32(a));
  // A double that is returned would be allocated.
  const get64 = (e: number, a: number) => {
    D[slowDouble] = isSimple(e, a, 8) ? V.getFloat64(tell(e, a), true) : settle(load64(a));
  };

  const loads = {
    slowLoad8: (a: number) => get8(X.readTable[a >>> 12], a),
    slowLoad16: (a: number) => get16(X.readTable[a >>> 12], a),
    slowLoad32: (a: number) => get32(X.readTable[a >>> 12], a),
    slowLoad64: (a: number) => get64(X.readTable[a >>> 12], a),
    // What is on the stack will be written, too.
    stackLoad8: (a: number) => get8(X.writeTable[a >>> 12], a),
    stackLoad16: (a: number) => get16(X.writeTable[a >>> 12], a),
    stackLoad32: (a: number) => get32(X.writeTable[a >>> 12], a),
    stackLoad64: (a: number) => get64(X.writeTable[a >>> 12], a),
  };

  const stores = {
    slowStore8: (a: number, value: number) => {
      const e = X.writeTable[a >>> 12];
      if ((e & present) !== 0) M8[tell(e, a)] = value;
      else if (reserve(8, a)) store8(a, value);
    },
    slowStore16: (a: number, value: number) => {
      const e = X.writeTable[a >>> 12];
      if (isSimple(e, a, 2)) V.setInt16(tell(e, a), value, true);
      else if (reserve(16, a)) store16(a, value);
    },
    slowStore32: (a: number, value: number) => {
      const e = X.writeTable[a >>> 12];
      if (isSimple(e, a, 4)) V.setInt32(tell(e, a), value, true);
      else if (reserve(32, a)) store32(a, value);
    },
    slowStore64: (a: number, value: number) => {
      const e = X.writeTable[a >>> 12];
      if (isSimple(e, a, 8)) V.setFloat64(tell(e, a), value, true);
      else if (reserve(64, a)) store64(a, value);
    },
  };

  /** A place (printer.ts), or -1. */
  const reserves = Object.fromEntries(
    ([8, 16, 32, 64] as const).map((width) => {
      const slow = environment[`reserve${width}`] as Load;
      // A double is simple where all of it lies in the page, and its place is no index.
      const low = width === 64 ? 0 : width / 8 - 1, shift = width === 64 ? 0 : Math.log2(width / 8);
      const last = inPage + 1 - width / 8;
      return [`slowReserve${width}`, (a: number) => {
        const e = X.writeTable[a >>> 12];
        return (e & present) !== 0 && (a & low) === 0 && (a & inPage) <= last
          ? tell(e, a) >> shift
          : settle(slow(a));
      }];
    }),
  );

  return {
    S,
    accesses: { ...loads, ...stores, ...reserves },
  };
}

type Load = (address: number) => number;
type Store = (address: number, value: number) => void;
type Views = Readonly<
  { D: Float64Array; M8: Int8Array; V: DataView }
>;
type Loads =
  & Readonly<Record<"load8" | "load16" | "load32" | "load64", Load>>
  & Readonly<Record<"store8" | "store16" | "store32" | "store64", Store>>;
