/**
 * What the decoder knows of the instruction it is reading: its prefixes, opcode and ModRM, and how far it
 * has read. There is one, because one decode runs at a time and none is ever left half done.
 *
 * Reading beyond `end` gives zeros and sets `overrun`, so that the decoder need not check every byte.
 */

import type { Repeat } from "./instruction.ts";

/** Intel SDM vol. 2, 2.3.11: a longer instruction raises #GP. */
export const MAXIMUM_LENGTH = 15;

/** No ModRM byte was read. */
export const NO_MODRM = -1;

/** What is known of the instruction being decoded. One decode runs at a time. */
export const scan = {
  bytes: new Uint8Array(0) as Uint8Array,
  start: 0,
  /** Next byte to read, and the end of what may be read. */
  at: 0,
  end: 0,
  /** A byte at or beyond `end` was asked for. */
  overrun: false,
  invalid: false,
  operandSize: 4 as 2 | 4,
  addressSize: 4 as 2 | 4,
  lock: false,
  repeat: "" as Repeat,
  override: -1,
  /** Last opcode byte and ModRM. */
  opcode: 0,
  modrm: NO_MODRM,
  /** The opcode byte stands behind the address (3DNow!). */
  suffixed: false,
};

export function begin(bytes: Uint8Array, offset: number, limit: number): void {
  scan.bytes = bytes;
  scan.start = offset;
  scan.at = offset;
  scan.end = Math.min(limit, offset + MAXIMUM_LENGTH);
  scan.overrun = false;
  scan.invalid = false;
  scan.operandSize = 4;
  scan.addressSize = 4;
  scan.lock = false;
  scan.repeat = "";
  scan.override = -1;
  scan.modrm = NO_MODRM;
  scan.suffixed = false;
}

export function byte(): number {
  if (scan.at >= scan.end) {
    scan.overrun = true;
    return 0;
  }
  return scan.bytes[scan.at++];
}

export const signedByte = (): number => byte() << 24 >> 24;
export const word = (): number => byte() | byte() << 8;
export const signedWord = (): number => word() << 16 >> 16;
export const doubleword = (): number => word() | word() << 16;

/** `size` bytes: unsigned, but int32 for 4. */
export function unsigned(size: number): number {
  return size === 1 ? byte() : size === 2 ? word() : doubleword();
}

/** `size` bytes, sign-extended. */
export function signed(size: number): number {
  return size === 1 ? signedByte() : size === 2 ? signedWord() : doubleword();
}

/** Consumes the prefixes and leaves the first opcode byte in `scan.opcode`. */
export function readPrefixes(): void {
  for (;;) {
    const value = byte();
    switch (value) {
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        scan.override = value >> 3 & 3;
        break;
      case 0x64:
      case 0x65:
        scan.override = value - 0x60;
        break;
      case 0x66:
        scan.operandSize = 2;
        break;
      case 0x67:
        scan.addressSize = 2;
        break;
      case 0xf0:
        scan.lock = true;
        break;
      case 0xf2:
        scan.repeat = "repne";
        break;
      case 0xf3:
        scan.repeat = "rep";
        break;
      default:
        scan.opcode = value;
        return;
    }
  }
}
