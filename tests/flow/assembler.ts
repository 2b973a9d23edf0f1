/** Bytes with labels: what random programs are written with. */

import { decode } from "../../cpu/decoder.ts";

export type FixupKind = "rel8" | "rel32" | "abs32";

interface Fixup {
  readonly at: number;
  readonly kind: FixupKind;
  readonly label: number;
  readonly addend: number;
}

export class Assembler {
  readonly bytes: number[] = [];
  /** Offset of each label; -1 until it is placed. */
  readonly labels: number[] = [];
  /** Offsets of the last bytes of instructions with an immediate: what can be changed and still runs. */
  readonly immediates: number[] = [];
  private readonly fixups: Fixup[] = [];

  constructor(private readonly origin: number) {}

  get size(): number {
    return this.bytes.length;
  }

  newLabel(): number {
    return this.labels.push(-1) - 1;
  }

  place(label: number): void {
    this.labels[label] = this.size;
  }

  put(...bytes: number[]): void {
    for (const byte of bytes) this.bytes.push(byte & 255);
  }

  put32(value: number): void {
    this.put(value, value >> 8, value >> 16, value >> 24);
  }

  /** An instruction whose last byte is an immediate. */
  putImmediate(...bytes: number[]): void {
    this.put(...bytes);
    this.immediates.push(this.size - 1);
  }

  /** A displacement or address that is known when all labels are. */
  putLabel(kind: FixupKind, label: number, addend = 0): void {
    this.fixups.push({ at: this.size, kind, label, addend });
    if (kind === "rel8") this.put(0);
    else this.put32(0);
  }

  address(label: number): number {
    return this.origin + this.labels[label];
  }

  /** The code. Branches of 8 bits whose target is too far go somewhere. */
  finish(): Uint8Array {
    const code = Uint8Array.from(this.bytes);
    const view = new DataView(code.buffer);
    for (const { at, kind, label, addend } of this.fixups) {
      const target = this.labels[label] + addend;
      if (kind === "rel8") view.setInt8(at, target - at - 1);
      else if (kind === "rel32") view.setInt32(at, target - at - 4, true);
      else view.setInt32(at, this.origin + target, true);
    }
    return code;
  }
}

/** The length of the instruction at the start of `bytes`; 1 if there is none. */
export function lengthOf(bytes: Uint8Array): number {
  return decode(bytes, 0, bytes.length)?.length ?? 1;
}
