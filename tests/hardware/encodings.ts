/**
 * Every instruction form of the decoder's table, with the encodings that lead to it: what the differential
 * test generates its cases from, so that no form is forgotten.
 */

import { OPCODE_MAPS, opcodeEntries } from "../../cpu/opcodes.ts";
import { entryIndex, type OpcodeEntry, type OpcodeMap } from "../../cpu/opcodes/entry.ts";

export interface Encoding {
  /** Escape bytes and opcode. */
  readonly opcode: readonly number[];
  /** The mandatory prefix: 0x66, 0xF3, 0xF2, or 0 for none. */
  readonly prefix: number;
  /** Whether other prefixes of that kind lead elsewhere. */
  readonly selects: boolean;
  /** ModRM bytes that lead to the form; empty: there is no ModRM byte. */
  readonly modrm: readonly number[];
  /** 3DNow!: the opcode stands behind the operands. */
  readonly suffix: number;
}

export interface InstructionForm {
  readonly entry: OpcodeEntry;
  readonly encodings: readonly Encoding[];
}

const COLUMN_PREFIX = [0, 0x66, 0xf3, 0xf2];
const EVERY_MODRM = Array.from({ length: 256 }, (_, modrm) => modrm);

function collect(
  found: Map<OpcodeEntry, Encoding[]>,
  map: OpcodeMap,
  escape: readonly number[],
): void {
  map.forEach((slot, opcode) => {
    const bytes = [...escape, opcode];
    if (slot.entries.length === 1) {
      const modrm = slot.modrm ? EVERY_MODRM : [];
      const encoding = { opcode: bytes, prefix: 0, selects: false, modrm, suffix: -1 };
      found.get(slot.entries[0])?.push(encoding);
      return;
    }
    for (let column = 0; column < 4; column++) {
      const byEntry = new Map<OpcodeEntry, number[]>();
      for (const modrm of slot.modrm ? EVERY_MODRM : [0]) {
        const entry = slot.entries[entryIndex(column, modrm)];
        const list = byEntry.get(entry);
        if (list === undefined) byEntry.set(entry, [modrm]);
        else list.push(modrm);
      }
      for (const [entry, modrm] of byEntry) {
        const selects = entry.prefix !== "";
        // A form without a mandatory prefix stands in all columns: the first one is enough.
        if (!selects && column > 0) continue;
        found.get(entry)?.push({
          opcode: bytes,
          prefix: COLUMN_PREFIX[column],
          selects,
          modrm: slot.modrm ? modrm : [],
          suffix: -1,
        });
      }
    }
  });
}

function collectForms(): InstructionForm[] {
  const found = new Map<OpcodeEntry, Encoding[]>();
  for (const entry of opcodeEntries()) found.set(entry, []);
  collect(found, OPCODE_MAPS.oneByte, []);
  collect(found, OPCODE_MAPS.twoByte, [0x0f]);
  collect(found, OPCODE_MAPS.map0F38, [0x0f, 0x38]);
  collect(found, OPCODE_MAPS.map0F3A, [0x0f, 0x3a]);
  collect(found, OPCODE_MAPS.denali, [0x0f, 0x0a]);
  OPCODE_MAPS.threeDNow.forEach((slot, suffix) => {
    found.get(slot.entries[0])?.push({
      opcode: [0x0f, 0x0f],
      prefix: 0,
      selects: false,
      modrm: EVERY_MODRM,
      suffix,
    });
  });
  return [...found].map(([entry, encodings]) => {
    if (encodings.length === 0) throw new Error(`${entry.mnemonic}: no encoding leads to it`);
    return { entry, encodings };
  });
}

export const FORMS: readonly InstructionForm[] = collectForms();
