/**
 * Moves and bitwise operations of SSE in the IR.
 *
 * Data that mostly are floating-point numbers move as doubles, because the processor below us is slow where
 * 64 bits are read that were just written as two words. A double that is a NaN (so, too, an integer such as
 * -1) moves by the exact operation.
 */

import type { Builder } from "../builder.ts";
import { doubleAt, type Inline, sourceDouble, sourceWord, wordAt } from "../inline.ts";
import {
  add,
  and,
  both,
  constant,
  eq,
  lt,
  or,
  sar,
  select,
  shl,
  shr,
  sub,
  xor,
  ZERO,
} from "../expression.ts";
import type { Expression, Temp } from "../ir.ts";

/** Moves doubles: of a register those that `from` names, of memory the first ones. */
function moveDoubles(from: readonly number[], to: readonly number[], zeroHigh: boolean): Inline {
  return (b, operands) => {
    const { destination, address, source, exact } = operands;
    const values = from.map((i, number) =>
      address === null ? b.part("double", doubleAt(source, i)) : sourceDouble(b, operands, number)
    );
    b.if(numbers(values), () => {
      to.forEach((i, at) => b.setPart("double", doubleAt(destination, i), values[at]));
      if (zeroHigh) b.setPart("double", doubleAt(destination, 1), ZERO);
    }, exact);
  };
}

function numbers(values: readonly Temp[]): Expression {
  return both(...values.map((value) => eq(value, value)));
}

/** Stores the doubles `from`. */
function storeDoubles(from: readonly number[]): Inline {
  return (b, { source, address, exact }) => {
    const values = from.map((i) => b.part("double", doubleAt(source, i)));
    b.if(numbers(values), () => {
      if (values.length === 1) return b.store(64, address!, values[0]);
      const writes = values.map((_, i) => b.reserve(64, add(address!, constant(8 * i))));
      writes.forEach((write, i) => write(values[i]));
    }, exact);
  };
}

export const moveLow: Inline = moveDoubles([0], [0], false);
export const moveLowZero: Inline = moveDoubles([0], [0], true);
export const moveToHigh: Inline = moveDoubles([0], [1], false);
export const moveFromHigh: Inline = moveDoubles([1], [0], false);
/** UNPCKHPD. */
export const unpackHigh: Inline = (b, operands) => {
  const { destination, source, address, exact } = operands;
  if (address !== null) return exact(true);
  const low = b.part("double", doubleAt(destination, 1));
  const high = b.part("double", doubleAt(source, 1));
  b.if(numbers([low, high]), () => {
    b.setPart("double", doubleAt(destination), low);
    b.setPart("double", doubleAt(destination, 1), high);
  }, exact);
};

export const move16: Inline = moveDoubles([0, 1], [0, 1], false);
/** MOVDQA and MOVDQU: of integers, which mostly have been written as words. From memory as doubles. */
export const moveWords: Inline = (b, operands) => {
  if (operands.address !== null) return move16(b, operands);
  const values = [0, 1, 2, 3].map((i) => sourceWord(b, operands, i));
  values.forEach((value, i) => b.setPart("word", wordAt(operands.destination, i), value));
};
export const storeLow: Inline = storeDoubles([0]);
export const storeHigh: Inline = storeDoubles([1]);
export const store16: Inline = storeDoubles([0, 1]);

/** MOVUPS and its kind: as the aligned form where all bytes lie in one page. */
export function unaligned(aligned: Inline): Inline {
  return (b, operands) => {
    const { address, exact } = operands;
    if (address === null) return aligned(b, operands);
    const easy = lt(and(address, constant(0xfff)), 0xff1);
    b.if(easy, () => aligned(b, operands), () => exact(true));
  };
}

/** MOVSS x, x. */
export const move4: Inline = (b, operands) => {
  b.setPart("word", operands.destination, sourceWord(b, operands));
};

/** MOVSS x, m32. */
export const move4Zero: Inline = (b, operands) => {
  move4(b, operands);
  clearFrom(b, operands.destination);
};

function clearFrom(b: Builder, destination: Expression): void {
  b.setPart("word", wordAt(destination, 1), ZERO);
  b.setPart("double", doubleAt(destination, 1), ZERO);
}

/** MOVD x, r/m32. */
export const moveRegister: Inline = (b, { destination, source, address }) => {
  const value = address === null ? b.getRegister(32, source) : b.load(32, address);
  b.setPart("word", destination, value);
  clearFrom(b, destination);
};

/** MOVD r/m32, x and MOVSS m32, x. */
export const moveToRegister: Inline = (b, { destination, source, address }) => {
  const value = b.part("word", source);
  if (address === null) b.putRegister(32, destination, value);
  else b.store(32, address, value);
};

/** The four words of source and destination, combined one by one. */
export function onWords(combine: (a: Expression, s: Expression) => Expression): Inline {
  return (b, operands) => {
    const { destination } = operands;
    const values = [0, 1, 2, 3].map((i) => {
      const s = sourceWord(b, operands, i);
      return combine(b.part("word", wordAt(destination, i)), s);
    });
    values.forEach((value, i) => b.setPart("word", wordAt(destination, i), value));
  };
}

/** PXOR and its kind: of a register with itself it clears it. */
export const exclusiveOr: Inline = (b, operands) => {
  if (!operands.same) return onWords(xor)(b, operands);
  b.setPart("double", doubleAt(operands.destination), ZERO);
  b.setPart("double", doubleAt(operands.destination, 1), ZERO);
};

export const bitwiseAnd: Inline = onWords(and);
export const bitwiseOr: Inline = onWords(or);
export const bitwiseAndNot: Inline = onWords((a, s) => and(xor(a, constant(-1)), s));

/** By mnemonic, those of packed integers. */
export const INLINE_WORDS: Readonly<Record<string, Inline>> = {
  paddd: onWords(add),
  psubd: onWords(sub),
  pcmpeqd: onWords((a, s) => select(eq(a, s), -1, 0)),
  pcmpgtd: onWords((a, s) => select(lt(s, a), -1, 0)),
};

/** Shifts by an immediate of each element of 1 or 2 words. The words come and go lowest first. */
function shift(
  words: 1 | 2,
  change: (b: Builder, element: Temp[], count: number) => Expression[],
): Inline {
  return (b, { destination, immediate, exact }) => {
    if (immediate.op !== "const") return exact();
    const count = immediate.value & 0xff;
    for (let at = 0; at < 4; at += words) {
      const element = words === 1 ? [at] : [at, at + 1];
      const values = change(b, element.map((i) => b.part("word", wordAt(destination, i))), count);
      element.forEach((i, n) => b.setPart("word", wordAt(destination, i), values[n]));
    }
  };
}

/** By mnemonic, shifts by an immediate. */
export const INLINE_SHIFTS: Readonly<Record<string, Inline>> = {
  pslld: shift(1, (_, [a], n) => [n < 32 ? shl(a, n) : ZERO]),
  psrld: shift(1, (_, [a], n) => [n < 32 ? shr(a, n) : ZERO]),
  psrad: shift(1, (_, [a], n) => [sar(a, Math.min(n, 31))]),
  psllq: shift(2, (b, [low, high], n) => {
    if (n === 0) return [low, high];
    if (n >= 32) return [ZERO, n < 64 ? b.let(shl(low, n - 32)) : ZERO];
    return [b.let(shl(low, n)), b.let(or(shl(high, n), shr(low, 32 - n)))];
  }),
  psrlq: shift(2, (b, [low, high], n) => {
    if (n === 0) return [low, high];
    if (n >= 32) return [n < 64 ? b.let(shr(high, n - 32)) : ZERO, ZERO];
    return [b.let(or(shr(low, n), shl(high, 32 - n))), b.let(shr(high, n))];
  }),
};

/** Takes words of the destination (0..3) and of the source (4..7). */
function pick(choose: (immediate: number) => readonly number[]): Inline {
  return (b, operands) => {
    const { destination, immediate, address, exact } = operands;
    if (immediate.op !== "const") return exact(address !== null);
    const chosen = choose(immediate.value);
    const sources = address === null ? [] : [0, 1, 2, 3].map((i) => sourceWord(b, operands, i));
    const values = chosen.map((i) => {
      if (i < 4) return b.part("word", wordAt(destination, i));
      return sources[i - 4] ?? sourceWord(b, operands, i - 4);
    });
    values.forEach((value, i) => b.setPart("word", wordAt(destination, i), value));
  };
}

const fields = (n: number) => [n & 3, n >> 2 & 3, n >> 4 & 3, n >> 6 & 3];

export const pshufd: Inline = pick((n) => fields(n).map((i) => 4 + i));
export const shufps: Inline = pick((n) => fields(n).map((i, at) => at < 2 ? i : 4 + i));
export const unpackLow4: Inline = pick(() => [0, 4, 1, 5]);
export const unpackHigh4: Inline = pick(() => [2, 6, 3, 7]);

/** The sign bits of two doubles: MOVMSKPD. */
export const signs: Inline = (b, { destination, source }) => {
  const low = b.part("word", wordAt(source, 1)), high = b.part("word", wordAt(source, 3));
  b.putRegister(
    32,
    destination,
    or(shr(low, constant(31)), and(shr(high, constant(30)), constant(2))),
  );
};
