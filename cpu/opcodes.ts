/**
 * The whole 32-bit opcode map: the only table of opcodes in Denali.
 *
 * The decoder, the image verifier, the disassembler and the test generators all read this one. It
 * covers every legacy encoding up to SSE4.2, AES, SHA and 3DNow!, so that lengths are right even where
 * Denali does not execute an instruction. VEX, EVEX and XOP do not exist: on the processor which Denali
 * presents, C4, C5 and 62 are LES, LDS and BOUND, and 8F is POP.
 */

import { DENALI } from "./opcodes/denali.ts";
import type { OpcodeEntry, OpcodeMap } from "./opcodes/entry.ts";
import { parseMap } from "./opcodes/notation.ts";
import { ONE_BYTE } from "./opcodes/one_byte.ts";
import { SIMD, SIMD_0F38, SIMD_0F3A } from "./opcodes/simd.ts";
import { THREE_D_NOW } from "./opcodes/three_d_now.ts";
import { TWO_BYTE } from "./opcodes/two_byte.ts";
import { X87 } from "./opcodes/x87.ts";

export interface OpcodeMaps {
  readonly oneByte: OpcodeMap;
  /** Behind 0F. */
  readonly twoByte: OpcodeMap;
  /** Behind 0F 38. */
  readonly map0F38: OpcodeMap;
  /** Behind 0F 3A: every instruction has an immediate byte. */
  readonly map0F3A: OpcodeMap;
  /** Behind 0F 0A: the virtual instructions. */
  readonly denali: OpcodeMap;
  /** Behind 0F 0F: by the byte that follows ModRM, SIB and displacement. */
  readonly threeDNow: OpcodeMap;
}

export const OPCODE_MAPS: OpcodeMaps = {
  oneByte: parseMap(ONE_BYTE + X87),
  twoByte: parseMap(TWO_BYTE + SIMD),
  map0F38: parseMap(SIMD_0F38),
  map0F3A: parseMap(SIMD_0F3A),
  denali: parseMap(DENALI),
  threeDNow: parseMap(THREE_D_NOW),
};

/** Every instruction form of the map once, reserved encodings left out. */
export function opcodeEntries(): Set<OpcodeEntry> {
  const slots = Object.values(OPCODE_MAPS).flatMap((map: OpcodeMap) => [...map]);
  const entries = slots.flatMap((slot) => slot.entries);
  return new Set(entries.filter((entry) => entry.mnemonic !== "ud"));
}
