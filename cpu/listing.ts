/**
 * What the decoder sees in a stretch of code, in the format of `objdump -d -w -M intel`: a header at each
 * symbol, then a line for each instruction with its address, bytes and text. Next to the target of a branch
 * stands its symbol.
 *
 * A generator, because the text is some thirty times as long as the code.
 */

import { decode } from "./decoder.ts";
import { branchTarget, disassemble } from "./disassembler.ts";
import type { Instruction } from "./instruction.ts";

export interface Label {
  readonly name: string;
  readonly address: number;
}

/** Bytes that have room in their column; more move the text to the right, as in objdump. */
const BYTES_COLUMN = 7;

/**
 * The lines for the bytes of `code`, which lies at `address`, from address `from` to before `to`.
 *
 * `labels` are in order of their addresses: decoding starts anew at each, whatever stood before.
 * `describe` names an address (`main+0x12`) or gives "".
 */
export function* listCode(
  code: Uint8Array,
  address: number,
  [from, to]: readonly [number, number],
  labels: readonly Label[],
  describe: (address: number) => string,
): Generator<string> {
  let next = firstAt(labels, from);
  for (let at = from; at < to;) {
    while (next < labels.length && labels[next].address < at) next++;
    if (labels[next]?.address === at) {
      yield "";
      yield `${at.toString(16).padStart(8, "0")} <${labels[next].name}>:`;
      while (labels[next]?.address === at) next++;
    }
    const instruction = decode(code, at - address, code.length);
    const room = Math.min(to, labels[next]?.address ?? to) - at;
    const length = Math.min(instruction?.length ?? 1, room);
    const bytes = code.subarray(at - address, at - address + length);
    const cut = instruction === null || length < instruction.length;
    const text = cut ? bytesText(bytes) : instructionText(instruction, at, describe);
    yield `${at.toString(16).padStart(8)}:\t${bytesColumn(bytes)}\t${text}`;
    at += length;
  }
}

/** Index of the first label at or behind an address. */
function firstAt(labels: readonly Label[], address: number): number {
  let low = 0, high = labels.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (labels[middle].address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bytesColumn(bytes: Uint8Array): string {
  return hex(bytes).join(" ").padEnd(3 * BYTES_COLUMN - 1) + " ";
}

/** What is no whole instruction, because a symbol or the end of the file's bytes cuts it. */
function bytesText(bytes: Uint8Array): string {
  return `.byte ${hex(bytes).map((byte) => `0x${byte}`).join(",")}`;
}

function hex(bytes: Uint8Array): string[] {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
}

function instructionText(
  instruction: Instruction,
  address: number,
  describe: (address: number) => string,
): string {
  const text = disassemble(instruction, address);
  const operand = instruction.operands[0];
  if (operand?.kind !== "rel") return text;
  const target = branchTarget(operand, instruction, address);
  const symbol = describe(target).replace(/\+0x0$/, "");
  return symbol === "" ? text : text.replace(/0x[0-9a-f]+$/, `${target.toString(16)} <${symbol}>`);
}
