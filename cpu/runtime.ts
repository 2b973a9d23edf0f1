/**
 * What generated code calls: the slow paths of memory, and the arithmetic JavaScript has no operator for.
 *
 * Generated code takes the fast path itself: an aligned access to a page whose table entry is present.
 * Everything else comes here: unaligned and page-straddling accesses, absent pages, pages that hold
 * code, faults.
 *
 * Rules:
 * - A function that cannot go on sets `fault` to EXIT_EXCEPTION or EXIT_WAIT and returns 0; its caller
 *   tests `fault` at once and leaves. It has then changed nothing.
 * - An access checks all of its pages before it changes a byte.
 * - There is one environment for each evaluator. Its processor state is a working copy, loaded and saved
 *   by every run, so that generated code can refer to it by a constant.
 */

import {
  type AddressSpace,
  EXIT_EXCEPTION,
  EXIT_WAIT,
  PAGE_MASK,
  PF_USER,
  PF_WRITE,
  type Pool,
  PRESENT,
  RESOLVE_WAIT,
  X86_DE,
  X86_PF,
} from "./engine.ts";
import { CpuState, EAX, EDX, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "./state.ts";
import { MEMORY_BYTE, stateImage } from "./operation.ts";
import * as flags from "./flags.ts";
import { identify } from "./cpuid.ts";
import type { HelperName } from "./ir.ts";

/** What changes from run to run. */
export interface Run {
  space: AddressSpace;
  readTable: Int32Array;
  writeTable: Int32Array;
  /** 0, EXIT_EXCEPTION or EXIT_WAIT. */
  fault: number;
  /** STEP_LEAVE if the code of the current block has been changed, else 0. */
  leave: number;
  timestamp: () => number;
}

const NO_TABLE = new Int32Array(0);
const NO_SPACE: AddressSpace = {
  readTable: NO_TABLE,
  writeTable: NO_TABLE,
  resolve: () => 0,
  protectCode: () => {},
};

type Helper = (...values: number[]) => number | boolean | void;

export interface Environment extends Record<HelperName, Helper> {
  readonly C: CpuState;
  readonly R: Int32Array;
  readonly X: Run;
  readonly O: Int32Array;
  readonly [name: string]: unknown;
}

/** Makes the environment of one evaluator. `operandWords` = length of its operand array. */
export function createEnvironment(pool: Pool, operandWords: number): Environment {
  const C = new CpuState();
  const R = C.i32;
  const X: Run = {
    space: NO_SPACE,
    readTable: NO_TABLE,
    writeTable: NO_TABLE,
    fault: 0,
    leave: 0,
    timestamp: () => 0,
  };
  const raise = (vector: number, error: number): number => {
    R[EXIT_VECTOR] = vector;
    R[EXIT_ERROR] = error;
    R[EXIT_ADDRESS] = 0;
    return EXIT_EXCEPTION;
  };
  const buffer = pool.i32.buffer;
  return {
    C,
    R,
    B: new Int8Array(R.buffer),
    W: new Int16Array(R.buffer),
    D: C.f64,
    M8: new Int8Array(buffer),
    M16: new Int16Array(buffer),
    M32: pool.i32,
    O: new Int32Array(operandWords),
    X,
    imul: Math.imul,
    clz32: Math.clz32,
    raise,
    ...memoryHelpers(pool, C, X),
    ...arithmeticHelpers(R, X, raise),
    getZero: flags.getZero,
    getSign: flags.getSign,
    getParity: flags.getParity,
    getOverflow: flags.getOverflow,
    getLess: flags.getLess,
    getBelowOrEqual: flags.getBelowOrEqual,
    getLessOrEqual: flags.getLessOrEqual,
    getCarry: flags.getCarry,
  };
}

function memoryHelpers(pool: Pool, C: CpuState, X: Run) {
  const { u8, view } = pool;
  const R = C.i32;

  function miss(address: number, write: boolean): number {
    const entry = X.space.resolve(address >>> 12, write);
    if (entry > 0) return entry;
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
    // An index into the pool's view of the width, or -1: neither aligned, so go through loadN, storeN.
    reserve8(address: number): number {
      return locate(address, true);
    },
    reserve16(address: number): number {
      if (!check(address, 2, true)) return -1;
      return (address & 1) === 0 ? first >> 1 : -1;
    },
    reserve32(address: number): number {
      if (!check(address, 4, true)) return -1;
      return (address & 3) === 0 ? first >> 2 : -1;
    },
    /** Faults unless `bytes` (at most 4096) can be written at `address`. */
    reserveRange(address: number, bytes: number): void {
      check(address, bytes, true);
    },
    /** Faults unless `bytes` (at most 4096) can be read at `address`. */
    checkRange(address: number, bytes: number): void {
      check(address, bytes, false);
    },
    /** Memory to the buffer of operations; `image` = 1: to `stateImage`. */
    loadScratch(address: number, bytes: number, image: number): void {
      if (!check(address, bytes, false)) return;
      if (image !== 0) copy(address, bytes, stateImage, 0, false);
      else copy(address, bytes, C.u8, MEMORY_BYTE, false);
    },
    /** The buffer of operations to memory that `reserveRange` has checked. */
    storeScratch(address: number, bytes: number, image: number): void {
      if (!check(address, bytes, true)) return;
      if (image !== 0) copy(address, bytes, stateImage, 0, true);
      else copy(address, bytes, C.u8, MEMORY_BYTE, true);
    },
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

function arithmeticHelpers(
  R: Int32Array,
  X: Run,
  raise: (vector: number, error: number) => number,
) {
  const W = new Int16Array(R.buffer), U = new Uint16Array(R.buffer);
  let remainder = 0;

  /** (high:low) / divisor, all unsigned, high < divisor. By two digits of 16 bits: exact in doubles. */
  function divide(high: number, low: number, divisor: number): number {
    let quotient = 0;
    remainder = high;
    for (let digit = 16; digit >= 0; digit -= 16) {
      const partial = remainder * 65536 + ((low >>> digit) & 0xffff);
      let q = Math.floor(partial / divisor);
      remainder = partial - q * divisor;
      if (remainder < 0) {
        q--;
        remainder += divisor;
      } else if (remainder >= divisor) {
        q++;
        remainder -= divisor;
      }
      quotient = quotient * 65536 + q;
    }
    return quotient;
  }

  function overflow(): void {
    X.fault = raise(X86_DE, 0);
  }

  return {
    getFlags: (): number => flags.getArithmeticFlags(R),
    setFlagsWord(value: number): void {
      R[flags.LAZY_KIND] = 0;
      R[flags.LAZY_A] = value & flags.ARITHMETIC_FLAGS;
    },
    getCarryBit: (): number => flags.getCarry(R) ? 1 : 0,
    multiplyHighSigned,
    multiplyHighUnsigned,
    /** AAM: quotient << 8 | remainder; the divisor is not 0. */
    divideBytes: (a: number, b: number): number => Math.floor(a / b) << 8 | a % b,
    identify: () => identify(R),
    /** DIV: AX / 8 bits, DX:AX / 16 bits, EDX:EAX / 32 bits; writes the registers or faults with #DE. */
    divideUnsigned(width: number, divisor: number): void {
      if (width === 32) {
        const high = R[EDX] >>> 0, low = R[EAX] >>> 0, by = divisor >>> 0;
        if (high >= by) return overflow();
        if (high === 0) {
          const quotient = Math.floor(low / by);
          R[EAX] = quotient;
          R[EDX] = low - quotient * by;
        } else {
          R[EAX] = divide(high, low, by);
          R[EDX] = remainder;
        }
      } else if (width === 16) {
        const by = divisor & 0xffff, value = U[EDX * 2] * 65536 + U[EAX * 2];
        if (by === 0) return overflow();
        const quotient = Math.floor(value / by);
        if (quotient > 0xffff) return overflow();
        U[EAX * 2] = quotient;
        U[EDX * 2] = value - quotient * by;
      } else {
        const by = divisor & 0xff, value = U[EAX * 2];
        if (by === 0) return overflow();
        const quotient = Math.floor(value / by);
        if (quotient > 0xff) return overflow();
        U[EAX * 2] = quotient | (value - quotient * by) << 8;
      }
    },
    /** IDIV: as divideUnsigned; rounds towards 0, the remainder has the sign of the dividend. */
    divideSigned(width: number, divisor: number): void {
      if (divisor === 0) return overflow();
      if (width === 32) {
        const negative = R[EDX] < 0;
        let high = R[EDX] >>> 0, low = R[EAX] >>> 0;
        if (negative) {
          low = (-low) >>> 0;
          high = (~high + (low === 0 ? 1 : 0)) >>> 0;
        }
        const by = Math.abs(divisor);
        if (high >= by) return overflow();
        const quotient = divide(high, low, by);
        const signed = negative !== divisor < 0 ? -quotient : quotient;
        if (signed !== (signed | 0)) return overflow();
        R[EAX] = signed;
        R[EDX] = negative ? -remainder : remainder;
      } else if (width === 16) {
        const value = W[EDX * 2] * 65536 + U[EAX * 2];
        const quotient = Math.trunc(value / divisor);
        if (quotient !== (quotient << 16 >> 16)) return overflow();
        W[EAX * 2] = quotient;
        W[EDX * 2] = value - quotient * divisor;
      } else {
        const value = W[EAX * 2];
        const quotient = Math.trunc(value / divisor);
        if (quotient !== (quotient << 24 >> 24)) return overflow();
        W[EAX * 2] = (quotient & 0xff) | (value - quotient * divisor) << 8;
      }
    },
    timestamp(): void {
      const ticks = X.timestamp();
      R[EAX] = ticks % 4294967296;
      R[EDX] = Math.floor(ticks / 4294967296);
    },
  };
}

/** Bits 32..63 of the product of two unsigned integers. */
function multiplyHighUnsigned(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const other = al * bh + (middle & 0xffff) + 0;
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0;
}

/** Bits 32..63 of the product of two signed integers. */
function multiplyHighSigned(a: number, b: number): number {
  return (multiplyHighUnsigned(a, b) - (a < 0 ? b : 0) - (b < 0 ? a : 0)) | 0;
}
