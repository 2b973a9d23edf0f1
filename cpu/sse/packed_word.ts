/**
 * Packed integer arithmetic of MMX, SSE2 and SSSE3, 32 bits at a time.
 *
 * Lanes of 8, 16 and 32 bits never cross a 32-bit word, so each of these instructions is a pure function
 * of two words: `a` from the destination, `b` from the source. `vector.ts` applies it to the two words
 * of an MMX or the four of an XMM register. Intel SDM vol. 2, the instruction of the same name.
 */

type Word = number;

const HIGH8 = 0x80808080 | 0, LOW8 = 0x7f7f7f7f, HIGH16 = 0x80008000 | 0, LOW16 = 0x7fff7fff;

export const pand = (a: Word, b: Word): Word => a & b;
export const pandn = (a: Word, b: Word): Word => ~a & b;
export const por = (a: Word, b: Word): Word => a | b;
export const pxor = (a: Word, b: Word): Word => a ^ b;

// Wrapping sums: add without the lanes' top bits, so that no carry leaves a lane, then put those in.
export const paddb = (a: Word, b: Word): Word => ((a & LOW8) + (b & LOW8)) ^ ((a ^ b) & HIGH8);
export const paddw = (a: Word, b: Word): Word => ((a & LOW16) + (b & LOW16)) ^ ((a ^ b) & HIGH16);
export const paddd = (a: Word, b: Word): Word => (a + b) | 0;
export const psubb = (a: Word, b: Word): Word => ((a | HIGH8) - (b & LOW8)) ^ (~(a ^ b) & HIGH8);
export const psubw = (a: Word, b: Word): Word => ((a | HIGH16) - (b & LOW16)) ^ (~(a ^ b) & HIGH16);
export const psubd = (a: Word, b: Word): Word => (a - b) | 0;

const low = (a: Word): number => a << 16 >> 16;
const high = (a: Word): number => a >> 16;
const pair = (low: number, high: number): Word => low & 0xffff | high << 16;

const signed8 = (n: number): number => n > 127 ? 127 : n < -128 ? -128 : n;
const signed16 = (n: number): number => n > 32767 ? 32767 : n < -32768 ? -32768 : n;
const unsigned8 = (n: number): number => n > 255 ? 255 : n < 0 ? 0 : n;
const unsigned16 = (n: number): number => n > 65535 ? 65535 : n < 0 ? 0 : n;

export function paddsb(a: Word, b: Word): Word {
  return signed8((a << 24 >> 24) + (b << 24 >> 24)) & 0xff |
    (signed8((a << 16 >> 24) + (b << 16 >> 24)) & 0xff) << 8 |
    (signed8((a << 8 >> 24) + (b << 8 >> 24)) & 0xff) << 16 |
    signed8((a >> 24) + (b >> 24)) << 24;
}

export function psubsb(a: Word, b: Word): Word {
  return signed8((a << 24 >> 24) - (b << 24 >> 24)) & 0xff |
    (signed8((a << 16 >> 24) - (b << 16 >> 24)) & 0xff) << 8 |
    (signed8((a << 8 >> 24) - (b << 8 >> 24)) & 0xff) << 16 |
    signed8((a >> 24) - (b >> 24)) << 24;
}

export function paddusb(a: Word, b: Word): Word {
  return unsigned8((a & 0xff) + (b & 0xff)) |
    unsigned8((a >>> 8 & 0xff) + (b >>> 8 & 0xff)) << 8 |
    unsigned8((a >>> 16 & 0xff) + (b >>> 16 & 0xff)) << 16 |
    unsigned8((a >>> 24) + (b >>> 24)) << 24;
}

export function psubusb(a: Word, b: Word): Word {
  return unsigned8((a & 0xff) - (b & 0xff)) |
    unsigned8((a >>> 8 & 0xff) - (b >>> 8 & 0xff)) << 8 |
    unsigned8((a >>> 16 & 0xff) - (b >>> 16 & 0xff)) << 16 |
    unsigned8((a >>> 24) - (b >>> 24)) << 24;
}

export const paddsw = (a: Word, b: Word): Word =>
  pair(signed16(low(a) + low(b)), signed16(high(a) + high(b)));
export const psubsw = (a: Word, b: Word): Word =>
  pair(signed16(low(a) - low(b)), signed16(high(a) - high(b)));
export const paddusw = (a: Word, b: Word): Word =>
  pair(unsigned16((a & 0xffff) + (b & 0xffff)), unsigned16((a >>> 16) + (b >>> 16)));
export const psubusw = (a: Word, b: Word): Word =>
  pair(unsigned16((a & 0xffff) - (b & 0xffff)), unsigned16((a >>> 16) - (b >>> 16)));

export const pmullw = (a: Word, b: Word): Word => pair(low(a) * low(b), high(a) * high(b));
export const pmulhw = (a: Word, b: Word): Word =>
  pair(low(a) * low(b) >> 16, high(a) * high(b) >> 16);
export const pmulhuw = (a: Word, b: Word): Word =>
  pair((a & 0xffff) * (b & 0xffff) >>> 16, (a >>> 16) * (b >>> 16) >>> 16);
export const pmaddwd = (a: Word, b: Word): Word => (low(a) * low(b) + high(a) * high(b)) | 0;
export const pmulhrsw = (a: Word, b: Word): Word =>
  pair(((low(a) * low(b) >> 14) + 1) >> 1, ((high(a) * high(b) >> 14) + 1) >> 1);

/** PMADDUBSW: unsigned bytes of the destination times signed bytes of the source. */
export function pmaddubsw(a: Word, b: Word): Word {
  return pair(
    signed16((a & 0xff) * (b << 24 >> 24) + (a >>> 8 & 0xff) * (b << 16 >> 24)),
    signed16((a >>> 16 & 0xff) * (b << 8 >> 24) + (a >>> 24) * (b >> 24)),
  );
}

export function pavgb(a: Word, b: Word): Word {
  return ((a & 0xff) + (b & 0xff) + 1) >> 1 |
    ((a >>> 8 & 0xff) + (b >>> 8 & 0xff) + 1) >> 1 << 8 |
    ((a >>> 16 & 0xff) + (b >>> 16 & 0xff) + 1) >> 1 << 16 |
    ((a >>> 24) + (b >>> 24) + 1) >> 1 << 24;
}

export const pavgw = (a: Word, b: Word): Word =>
  pair(((a & 0xffff) + (b & 0xffff) + 1) >> 1, ((a >>> 16) + (b >>> 16) + 1) >> 1);

/** 0xFF in each byte of `a` that is 0, else 0. */
function zeroBytes(a: Word): Word {
  return ((a & 0xff) === 0 ? 0xff : 0) | ((a & 0xff00) === 0 ? 0xff00 : 0) |
    ((a & 0xff0000) === 0 ? 0xff0000 : 0) | ((a >>> 24) === 0 ? 0xff000000 : 0);
}

export const pcmpeqb = (a: Word, b: Word): Word => zeroBytes(a ^ b);
export const pcmpeqw = (a: Word, b: Word): Word =>
  ((a ^ b) << 16 === 0 ? 0xffff : 0) | ((a ^ b) >>> 16 === 0 ? 0xffff0000 : 0);
export const pcmpeqd = (a: Word, b: Word): Word => a === b ? -1 : 0;

export const pcmpgtb = (a: Word, b: Word): Word =>
  (a << 24 > b << 24 ? 0xff : 0) | (a << 16 >> 24 > b << 16 >> 24 ? 0xff00 : 0) |
  (a << 8 >> 24 > b << 8 >> 24 ? 0xff0000 : 0) | (a >> 24 > b >> 24 ? 0xff000000 : 0);
export const pcmpgtw = (a: Word, b: Word): Word =>
  (a << 16 > b << 16 ? 0xffff : 0) | (high(a) > high(b) ? 0xffff0000 : 0);
export const pcmpgtd = (a: Word, b: Word): Word => a > b ? -1 : 0;

/** Takes each byte of `a` or of `b`, by a mask of whole bytes that selects `a`. */
const select = (mask: Word, a: Word, b: Word): Word => a & mask | b & ~mask;

/** 0xFF in each byte where `a` > `b`, unsigned: a signed compare with the sign bits flipped. */
const greaterUnsigned8 = (a: Word, b: Word): Word => pcmpgtb(a ^ HIGH8, b ^ HIGH8);

export const pmaxub = (a: Word, b: Word): Word => select(greaterUnsigned8(a, b), a, b);
export const pminub = (a: Word, b: Word): Word => select(greaterUnsigned8(a, b), b, a);
export const pmaxsw = (a: Word, b: Word): Word => select(pcmpgtw(a, b), a, b);
export const pminsw = (a: Word, b: Word): Word => select(pcmpgtw(a, b), b, a);

export const psignb = (a: Word, b: Word): Word =>
  select(pcmpgtb(0, b), psubb(0, a), a) & ~zeroBytes(b);
export const psignw = (a: Word, b: Word): Word =>
  select(pcmpgtw(0, b), psubw(0, a), a) & ~pcmpeqw(b, 0);
export const psignd = (a: Word, b: Word): Word => b < 0 ? -a | 0 : b === 0 ? 0 : a;

export const pabsb = (_a: Word, b: Word): Word => psignb(b, b);
export const pabsw = (_a: Word, b: Word): Word => psignw(b, b);
export const pabsd = (_a: Word, b: Word): Word => b < 0 ? -b | 0 : b;
