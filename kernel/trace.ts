/**
 * A guess at who called whom, from a stack that nobody vouches for.
 *
 * Functions that keep frame pointers are followed along EBP. Optimised code keeps none, and leaves EBP
 * to the last caller that did: in front of that caller's frame every word on the stack that points
 * behind a call instruction in the image's code is shown, which may name functions that have long
 * returned. All walks are bounded and touch only readable memory.
 */

import type { Memory } from "./memory.ts";
import type { Vm } from "./vm.ts";

const ENTRIES_MAXIMUM = 33;
/** Words that are searched for one report. */
const SCAN_WORDS = 1024;
/** A frame is made in the first bytes of a function: push ebp; mov ebp, esp. */
const PROLOGUE_BYTES = 24;

export interface TraceEntry {
  /** A return address; the first entry is EIP. */
  readonly address: number;
  /** `function+0x12`, or "". */
  readonly symbol: string;
  /** How it was found: the current instruction, the chain of frame pointers, or a search. */
  readonly source: "eip" | "frame" | "scan";
}

/** The calls that seem to have led to `eip`, innermost first. */
export function readTrace(vm: Vm, eip: number, esp: number, ebp: number): TraceEntry[] {
  const { symbols } = vm.image;
  const entry = (address: number, source: TraceEntry["source"]): TraceEntry => {
    // The call itself is before the return address, perhaps the last instruction of its function.
    const symbol = symbols.describe(source === "eip" ? address : address - 1);
    return { address, symbol, source };
  };
  const trace = [entry(eip, "eip")];
  let left = SCAN_WORDS;
  const scan = (from: number, to: number) => {
    const end = Math.min(to, from + 4 * left);
    left -= Math.ceil((end - from) / 4);
    for (const address of scanStack(vm, from, end)) trace.push(entry(address, "scan"));
  };
  let low = esp;
  let frame = ebp;
  let code = eip;
  while (trace.length < ENTRIES_MAXIMUM && frame >= low) {
    const caller = readFrame(vm, frame);
    if (caller === undefined) break;
    if (!keepsFrame(vm, code)) scan(low, frame);
    trace.push(entry(caller.address, "frame"));
    low = frame + 8;
    frame = caller.frame;
    code = caller.address - 1;
  }
  if (trace.length === 1) scan(esp, Infinity);
  return trace.slice(0, ENTRIES_MAXIMUM);
}

const words = new Int32Array(2);

/** What a frame pointer leads to: the return address and the caller's frame pointer. */
function readFrame(vm: Vm, frame: number): { address: number; frame: number } | undefined {
  if ((frame & 3) !== 0) return undefined;
  if (!vm.space.load32(frame, words, 0) || !vm.space.load32(frame + 4, words, 1)) return undefined;
  const address = words[1] >>> 0;
  return followsCall(vm, address) ? { address, frame: words[0] >>> 0 } : undefined;
}

/** Return addresses in `from` .. `end`. */
function scanStack(vm: Vm, from: number, end: number): number[] {
  const found: number[] = [];
  for (let at = from; at < end && found.length < ENTRIES_MAXIMUM; at += 4) {
    if (!vm.space.load32(at, words, 0)) break;
    const address = words[0] >>> 0;
    if (followsCall(vm, address)) found.push(address);
  }
  return found;
}

const prologue = new Uint8Array(PROLOGUE_BYTES);

/** True if the function of an address makes EBP its own, also if that is not known. */
function keepsFrame({ image, space }: Vm, address: number): boolean {
  const found = image.symbols.find(address);
  if (found === undefined) return image.isCode(address);
  const bytes = Math.min(PROLOGUE_BYTES, found.size || PROLOGUE_BYTES);
  const count = space.read(found.address, prologue, 0, bytes);
  for (let at = 0; at + 3 <= count; at++) {
    const [push, move, operands] = prologue.subarray(at, at + 3);
    if (
      push === 0x55 && (move === 0x89 && operands === 0xe5 || move === 0x8b && operands === 0xec)
    ) {
      return true;
    }
  }
  return false;
}

const bytes = new Uint8Array(7);

/** True if the instruction before an address of the image's code is a call. */
function followsCall(vm: Vm, address: number): boolean {
  if (!vm.image.isCode(address) || !vm.image.isCode(address - 2)) return false;
  return readBefore(vm.space, address) && (bytes[2] === 0xe8 || endsInIndirectCall());
}

function readBefore(space: Memory, address: number): boolean {
  return space.read(address - 7, bytes, 0, 7) === 7;
}

/** FF /2 with a register, a memory operand, a displacement of 8 or 32 bits, with or without SIB. */
function endsInIndirectCall(): boolean {
  for (const length of [2, 3, 4, 6, 7]) {
    const start = 7 - length;
    if (bytes[start] === 0xff && ((bytes[start + 1] >>> 3) & 7) === 2) return true;
  }
  return false;
}
