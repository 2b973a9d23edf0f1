/**
 * What both sides of the differential test agree on: where memory lies, and how cases and results look in
 * transit. oracle.c gets the numbers from here as macros; its structures mirror the offsets.
 *
 *     0x00002000  low page, for 16-bit addresses
 *     0x00200000  code, two pages, filled with INT3
 *     0x00300000  data: two writable pages, one read-only page; nothing behind them
 */

export const PAGE = 4096;
export const LOW = 0x2000, CODE = 0x200000, CODE_PAGES = 2, DATA = 0x300000;

/** Every page that both sides have, in order; the last one is read-only. */
export const PAGES: readonly number[] = [
  LOW,
  CODE,
  CODE + PAGE,
  DATA,
  DATA + PAGE,
  DATA + 2 * PAGE,
];
export const FIRST_CODE_PAGE = 1, READ_ONLY_PAGE = 5;

/** Selectors and bases of FS and GS: the first two that Linux gives to a 32-bit process. */
export const FS_SELECTOR = 0x63, GS_SELECTOR = 0x6b;
export const FS_BASE = DATA - 0x1000, GS_BASE = -0x10000;

/** Cases of a batch, images of x87 and SSE state, words of memory that a case sets, bytes of code. */
export const BATCH = 2048, IMAGES = 64, POKES = 6, CODE_BYTES = 144, DUMPS = 1;

/** The first images have x87 registers for which every function is defined: size below 0.29. */
export const SMALL_IMAGES = 8;

/** The part of the FXSAVE image that is compared; images are 512 bytes apart. */
export const FX_BYTES = 288, IMAGE_BYTES = 512;

// Words of a case.
export const IN_EIP = 0, IN_CODE_BYTES = 1, IN_IMAGE = 2, IN_SCRUB = 3;
export const IN_EFLAGS = 4, IN_REGISTERS = 5, IN_POKES = 13, IN_POKE = 14;
export const IN_CODE_BYTE = (IN_POKE + 2 * POKES) * 4;
export const INPUT_BYTES = (IN_CODE_BYTE + CODE_BYTES + 15) & ~15;

// Words of a result.
export const OUT_VECTOR = 0, OUT_ERROR = 1, OUT_ADDRESS = 2, OUT_EIP = 3, OUT_EFLAGS = 4;
export const OUT_REGISTERS = 5, OUT_CHANGED = 13;
export const OUT_FX_BYTE = ((OUT_CHANGED + PAGES.length) * 4 + 15) & ~15;
export const OUTPUT_BYTES = (OUT_FX_BYTE + FX_BYTES + 15) & ~15;

/** Vector of a case that killed its process: it hit the process itself, or did not end. */
export const LOST = 0xfe;

/** Where the native half lies (LEAVE is its way out of a case: sequences end with a jump to it), and Linux puts its stack and vDSO: no case should get there. */
export const LEAVE = 0x70800000;
const HOST_TEXT = 0x70000000, HOST_AREA = 0x71000000, HOST_END = 0x7a000000;
const HOST_TOP = 0xf0000000, HOST_TOP_END = 0xffffe000;

export function isHostMemory(address: number): boolean {
  const at = address >>> 0;
  return (at >= HOST_TEXT && at < HOST_END) || (at >= HOST_TOP && at < HOST_TOP_END);
}

/** Compiler options that tell the native half. */
export function oracleFlags(): string[] {
  const macros: Record<string, number | string> = {
    ...{ CODE, CODE_PAGES, HOST_AREA, LEAVE, FS_SELECTOR, GS_SELECTOR, FS_BASE, GS_BASE },
    ...{ BATCH, IMAGES, POKES, CODE_BYTES, DUMPS, FX_BYTES, FIRST_CODE_PAGE },
    PAGE_COUNT: PAGES.length,
    PAGE_ADDRESSES: PAGES.map((address) => `(void*)${address}`).join(),
  };
  const defines = Object.entries(macros).map(([name, value]) => `-D${name}=${value}`);
  const hex = (value: number) => `0x${value.toString(16)}`;
  const places = [`-Ttext-segment=${hex(HOST_TEXT)}`, `--section-start=.leave=${hex(LEAVE)}`];
  return [...defines, ...places.map((option) => `-Wl,${option}`)];
}

/** As `hash` in oracle.c: never 0. */
export function hashPage(words: Int32Array, start: number): number {
  let value = 0;
  for (let i = start; i < start + PAGE / 4; i++) value = Math.imul(value, 31) + words[i] | 0;
  return value | 1;
}
