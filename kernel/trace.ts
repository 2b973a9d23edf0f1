/**
 * A guess at who called whom, from a stack that nobody vouches for.
 *
 * Code that keeps frame pointers is followed along EBP. Optimised code keeps none: there every word on
 * the stack that points behind a call instruction in the image's code is shown, which may name
 * functions that have long returned. Both walks are bounded and touch only readable memory.
 */

import type { Memory } from "./memory.ts";
import type { Vm } from "./vm.ts";

const FRAMES_MAXIMUM = 32;
/** Words above ESP that are searched. */
const SCAN_WORDS = 1024;

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
  const frames = followFrames(vm, esp, ebp);
  const calls = frames.length > 0
    ? frames.map((address) => entry(address, "frame"))
    : scanStack(vm, esp).map((address) => entry(address, "scan"));
  return [entry(eip, "eip"), ...calls];
}

const words = new Int32Array(2);

function followFrames(vm: Vm, esp: number, ebp: number): number[] {
  const found: number[] = [];
  let low = esp;
  let frame = ebp;
  while (found.length < FRAMES_MAXIMUM && frame >= low && (frame & 3) === 0) {
    if (!vm.space.load32(frame, words, 0) || !vm.space.load32(frame + 4, words, 1)) break;
    const address = words[1] >>> 0;
    if (!followsCall(vm, address)) break;
    found.push(address);
    low = frame + 8;
    frame = words[0] >>> 0;
  }
  return found;
}

function scanStack(vm: Vm, esp: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < SCAN_WORDS && found.length < FRAMES_MAXIMUM; i++) {
    if (!vm.space.load32(esp + 4 * i, words, 0)) break;
    const address = words[0] >>> 0;
    if (followsCall(vm, address)) found.push(address);
  }
  return found;
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
