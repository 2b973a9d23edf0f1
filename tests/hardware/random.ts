/** Random numbers, and values at the edges of every format, for the differential test. */

/** xorshift32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    // Neighbouring seeds would begin alike; 0 would stay 0.
    this.state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** An int32. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.state = x;
  }

  /** 0..limit-1. */
  below(limit: number): number {
    return (this.next() >>> 0) % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
}

const EDGES = [
  ...[0, 1, -1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000],
  ...[0x100, 0x10000, 0x55555555, 0x01020304, 31, 32, 33, 8, 16, 64, -128, -32768],
];

/** A value for a general register or a doubleword of memory. */
export function integer(random: Random): number {
  return random.once(2) ? random.pick(EDGES) : random.next();
}

const SINGLES = [
  ...[0, 0x80000000, 0x3f800000, 0xbf800000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff],
  ...[0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffabcdef, 0x4effffff],
  ...[0x4f000000, 0xcf000000, 0x3f000000, 0x3fc00000, 0xc0200000, 0x3f800001, 0x33800000],
];

/** High words of doubles; the low word is an edge or random. */
const DOUBLES = [
  ...[0, 0x80000000, 0x3ff00000, 0xbff00000, 0x000fffff, 0x00100000, 0x7fefffff, 0x7ff00000],
  ...[0xfff00000, 0x7ff80000, 0xfff80000, 0x41dfffff, 0x41e00000, 0xc1e00000, 0x3fe00000],
  ...[0x43dfffff, 0x43e00000, 0xc3e00000, 0x380fffff, 0x38100000, 0x36a00000, 0x47efffff],
];

/** Sign, exponent and high word of the significand of extended values. */
const EXTENDED: readonly (readonly [number, number])[] = [
  [0, 0],
  [0x8000, 0],
  [0x3fff, 0x80000000],
  [0xbfff, 0x80000000],
  [0x3ffe, 0xffffffff],
  [0x4000, 0xc0000000],
  [0, 1],
  [0x8000, 0x7fffffff],
  [0, 0x80000000],
  [1, 0x80000000],
  [0x7ffe, 0xffffffff],
  [0x7fff, 0x80000000],
  [0xffff, 0x80000000],
  [0x7fff, 0xc0000000],
  [0xffff, 0xd0000000],
  [0x7fff, 0x80000001],
  [0x7fff, 0],
  [0x3fff, 0x7fffffff],
  [0x401d, 0xffffffff],
  [0x401e, 0x80000000],
  [0xc01e, 0x80000000],
  [0x403d, 0xffffffff],
  [0x403e, 0x80000000],
  [0xc03e, 0x80000000],
  [0x3f81, 0x80000000],
  [0x3f69, 0x80000000],
  [0x3c01, 0x80000000],
  [0x407e, 0xffffff80],
  [0x43fe, 0xffffffff],
  [0xffff, 0xffffffff], // what MMX leaves
];

function low(random: Random): number {
  return random.once(2) ? random.pick([0, 0, 1, -1, -0x80000000, 0x800]) : random.next();
}

/** Writes an extended value of 10 bytes. */
export function putExtended(view: DataView, at: number, random: Random): void {
  let head: number, high: number;
  if (random.once(2)) [head, high] = random.pick(EXTENDED);
  else {
    const spread = random.once(4) ? 0x3fff : 12;
    head = (random.next() & 0x8000) | (0x3fff + random.below(2 * spread) - spread & 0x7fff);
    high = random.next() | 0x80000000;
  }
  view.setInt32(at, low(random), true);
  view.setInt32(at + 4, high, true);
  view.setUint16(at + 8, head, true);
}

/** Writes 16 bytes: integers, singles, doubles, or an extended or decimal value. */
export function putValues(view: DataView, at: number, random: Random): void {
  switch (random.below(6)) {
    case 0:
      for (let i = 0; i < 16; i += 4) view.setInt32(at + i, integer(random), true);
      break;
    case 1:
      for (let i = 0; i < 16; i += 4) view.setInt32(at + i, random.next(), true);
      break;
    case 2:
      for (let i = 0; i < 16; i += 4) {
        const near = (random.next() & 0x807fffff) | (0x3f800000 + (random.below(8) << 23));
        view.setInt32(at + i, random.once(2) ? random.pick(SINGLES) : near, true);
      }
      break;
    case 3:
      for (let i = 0; i < 16; i += 8) {
        const near = (random.next() & 0x800fffff) | (0x3ff00000 + (random.below(8) << 20));
        view.setInt32(at + i, low(random), true);
        view.setInt32(at + i + 4, random.once(2) ? random.pick(DOUBLES) : near, true);
      }
      break;
    case 4:
      putExtended(view, at, random);
      view.setInt32(at + 10, random.next(), true);
      break;
    case 5:
      for (let i = 0; i < 16; i++) view.setUint8(at + i, random.below(10) << 4 | random.below(10));
      view.setUint8(at + 9, random.next() & 0x80);
      break;
  }
}
