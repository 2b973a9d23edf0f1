/** Arithmetic that JavaScript has no operator for, and what needs more than the general registers. */

import { identify } from "./cpuid.ts";
import { X86_DE } from "./engine.ts";
import * as flags from "./flags.ts";
import type { Run } from "./runtime.ts";
import { EAX, EDX } from "./state.ts";

export function arithmeticHelpers(
  R: Int32Array,
  X: Run,
  raise: (vector: number, error: number) => number,
) {
  const W = new Int16Array(R.buffer), U = new Uint16Array(R.buffer);
  let remainder = 0;

  /** (high:low) / divisor, all unsigned, high < divisor; leaves `remainder`. */
  function divide(high: number, low: number, divisor: number): number {
    const value = high * 4294967296 + low;
    let quotient = Math.floor(value / divisor);
    // As doubles, value and product are off by at most 2^12; the lower 32 bits of their difference are exact.
    const about = value - quotient * divisor;
    const exact = (low - Math.imul(quotient, divisor)) >>> 0;
    remainder = exact + Math.round((about - exact) / 4294967296) * 4294967296;
    if (remainder < 0) {
      quotient--;
      remainder += divisor;
    } else if (remainder >= divisor) {
      quotient++;
      remainder -= divisor;
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

/**
 * Bits 32..63 of the product of two unsigned integers. The product as a double is off by at most 2^10, so that
 * without its (exact) lower half it is a multiple of 2^32 to within a millionth.
 */
function multiplyHighUnsigned(a: number, b: number): number {
  const low = Math.imul(a, b) >>> 0;
  return Math.floor(((a >>> 0) * (b >>> 0) - low) / 4294967296 + 0.5) | 0;
}

/** Bits 32..63 of the product of two signed integers. */
function multiplyHighSigned(a: number, b: number): number {
  return Math.floor((a * b - (Math.imul(a, b) >>> 0)) / 4294967296 + 0.5) | 0;
}
