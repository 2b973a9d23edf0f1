/** The memory of a random program, and what its registers begin with. */

import { EBP, EBX, EDI, ESI, ESP } from "../../cpu/state.ts";

export const PAGE = 4096;

/** Pages in a row: code goes over from one into the next. */
export const CODE = 0x10000, CODE_PAGES = 3;
export const DATA = 0x20000, DATA_PAGES = 2;
export const STACK = 0x30000;
/** Cannot be written: jump tables at its start. */
export const TABLES = 0x40000, TABLE_ENTRIES = 16;

/** Numbers of the pages that there are. */
export const PAGES: readonly number[] = [
  CODE,
  CODE + PAGE,
  CODE + 2 * PAGE,
  DATA,
  DATA + PAGE,
  STACK,
  TABLES,
]
  .map((address) => address / PAGE);
export const READ_ONLY = TABLES / PAGE;
/** One beyond the largest page number: what lies above is out of range. */
export const PAGE_LIMIT = 0x48;

/** Registers that point somewhere, most of the time. */
export const POINTERS: readonly (readonly [register: number, value: number])[] = [
  [EBX, DATA + 0x400],
  [EBP, DATA + 0xf80],
  [ESI, DATA + 0x600],
  [EDI, DATA + 0x1200],
  [ESP, STACK + 0x800],
];
