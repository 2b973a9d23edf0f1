/**
 * The forms of a memory address behind a ModRM byte, in 32-bit and in 16-bit addressing.
 */

import { DS, NO_REGISTER, type Operand, SS } from "./instruction.ts";
import { memory } from "./operand.ts";
import { byte, doubleword, scan, signedByte, signedWord, word } from "./scan.ts";
import { EBP, EBX, EDI, ESI, ESP } from "./state.ts";

/** Reads SIB and displacement behind ModRM (memory forms only) as an operand of `size` bytes. */
export function readMemory(size: number): Operand {
  return scan.addressSize === 4 ? readMemory32(size) : readMemory16(size);
}

/** Memory at a displacement alone. */
export function absolute(size: number, displacement: number): Operand {
  return memory(size, effective(DS), NO_REGISTER, NO_REGISTER, 0, displacement);
}

function effective(segment: number): number {
  return scan.override >= 0 ? scan.override : segment;
}

/** Intel SDM vol. 2, tables 2-2 and 2-3. */
function readMemory32(size: number): Operand {
  const mod = scan.modrm >> 6;
  let base = scan.modrm & 7;
  let index = NO_REGISTER;
  let shift = 0;
  if (base === ESP) {
    const sib = byte();
    base = sib & 7;
    if ((sib >> 3 & 7) !== ESP) {
      index = sib >> 3 & 7;
      shift = sib >> 6;
    }
  }
  if (mod === 0 && base === EBP) {
    return memory(size, effective(DS), NO_REGISTER, index, shift, doubleword());
  }
  const displacement = mod === 0 ? 0 : mod === 1 ? signedByte() : doubleword();
  const segment = base === ESP || base === EBP ? SS : DS;
  return memory(size, effective(segment), base, index, shift, displacement);
}

/** Base and index by the rm field (Intel SDM vol. 2, table 2-1). */
const BASE16 = [EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX];
const INDEX16 = [ESI, EDI, ESI, EDI, NO_REGISTER, NO_REGISTER, NO_REGISTER, NO_REGISTER];

function readMemory16(size: number): Operand {
  const mod = scan.modrm >> 6;
  const rm = scan.modrm & 7;
  if (mod === 0 && rm === 6) return absolute(size, word());
  const displacement = mod === 0 ? 0 : mod === 1 ? signedByte() : signedWord();
  const segment = BASE16[rm] === EBP ? SS : DS;
  return memory(size, effective(segment), BASE16[rm], INDEX16[rm], 0, displacement);
}
