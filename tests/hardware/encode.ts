/** The bytes of one instruction, before it is known what they are: prefixes, ModRM, displacement. */

import { decode } from "../../cpu/decoder.ts";
import type { Encoding } from "./encodings.ts";
import type { Random } from "./random.ts";

/** Where instructions are made. */
export const buffer: Uint8Array = new Uint8Array(32);
const view = new DataView(buffer.buffer);

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Puts the opcode of 3DNow! behind the operands; false if there is no instruction. */
export function putSuffix(suffix: number): boolean {
  const instruction = decode(buffer, 0, buffer.length);
  if (instruction === null) return false;
  buffer[instruction.length - 1] = suffix;
  return true;
}

/** Writes prefixes; returns their number. */
export function putPrefixes(random: Random, encoding: Encoding): number {
  let at = 0;
  if (random.once(8)) buffer[at++] = random.pick(SEGMENT_PREFIXES);
  if (!encoding.selects) {
    if (random.once(4)) buffer[at++] = 0x66;
    if (random.once(6)) buffer[at++] = random.once(2) ? 0xf3 : 0xf2;
  }
  if (random.once(16)) buffer[at++] = 0x67;
  if (random.once(16)) buffer[at++] = 0xf0;
  if (encoding.prefix !== 0) buffer[at++] = encoding.prefix;
  if (random.once(64)) {
    // Redundant ones, up to and beyond the limit of 15 bytes.
    const redundant = random.pick([0x3e, 0x26, 0x36]);
    const room = 15 - encoding.opcode.length - at;
    for (let i = random.below(room + 1); i > 0; i--) buffer[at++] = redundant;
  }
  return at;
}

/** Registers 0..2 as destination and the others as base, mostly, so that pointers live longer. */
export function chooseModrm(random: Random, encoding: Encoding): number {
  for (let attempt = 0; attempt < 3; attempt++) {
    const modrm = random.pick(encoding.modrm);
    const reg = modrm >> 3 & 7, rm = modrm & 7;
    if (reg === 4 && random.below(8) !== 0) continue;
    if (modrm >= 0xc0 ? rm !== 4 : rm > 2 || random.once(3)) return modrm;
  }
  return random.pick(encoding.modrm);
}

/** Overwrites a displacement. */
export function patch(at: number, bytes: number, value: number): void {
  if (bytes === 1) view.setInt8(at, value);
  else if (bytes === 2) view.setInt16(at, value, true);
  else view.setInt32(at, value, true);
}
