/**
 * Which instructions the differential test leaves out, and why: these behave otherwise on purpose
 * (docs/QUIRKS.md), or tell about the host.
 */

import type { Instruction } from "../../cpu/instruction.ts";
import { FPU_FORMS } from "../../cpu/fpu/table.ts";
import { bindOperation } from "../../cpu/operations.ts";
import { SSE_FORMS } from "../../cpu/sse/table.ts";
import { isImplemented } from "../../cpu/semantics/table.ts";

const REASONS: readonly (readonly [mnemonics: string, reason: string])[] = [
  ["in out insb insw insl outsb outsw outsl iret", "ends the run: the kernel goes on with it"],
  ["idle terminate", "exists only here"],
  ["cpuid rdtsc", "tells about the processor"],
  ["tzcnt lzcnt popcnt movbe crc32", "exists on the host and not here"],
  ["callf jmpf retf les lds lss lfs lgs", "loads segments, which are not virtualised"],
  ["lar lsl verr verw arpl", "asks about segments, which are not virtualised"],
  ["sgdt sidt sldt str smsw", "Linux emulates it for 32-bit programs"],
  ["sysenter sysexit syscall sysret", "enters Linux"],
  ["rdpmc", "depends on how Linux set up the processor"],
  ["int1", "hypervisors differ in the address they report"],
];

const EXCLUDED = new Map(
  REASONS.flatMap(([names, reason]) => names.split(" ").map((name) => [name, reason] as const)),
);

const OPERATIONS = new Set([...FPU_FORMS, ...SSE_FORMS].map(({ mnemonic }) => mnemonic));

/** Whether Denali executes the instructions of this name. */
export function isKnown(mnemonic: string): boolean {
  return mnemonic === "ud2" || isImplemented(mnemonic) || OPERATIONS.has(mnemonic);
}

/** Why an instruction is left out, or "". */
export function reasonToLeaveOut(instruction: Instruction): string {
  const { mnemonic, operands } = instruction;
  const reason = EXCLUDED.get(mnemonic);
  if (reason !== undefined) return reason;
  if (mnemonic === "toolong") return "";
  const exists = instruction.invalid
    ? isKnown(mnemonic)
    : isImplemented(mnemonic) || bindOperation(instruction) !== null;
  if (!exists) return "is reserved, or belongs to an extension that is not there";
  if (mnemonic === "bound" && instruction.invalid) return "is EVEX on newer processors";
  if (mnemonic === "int" && operands[0].value === 0x80) return "enters Linux";
  // With a repeat prefix AMD's processors test ZF as the prefix says.
  if (/^loopn?e$/.test(mnemonic) && instruction.repeat !== "") return "differs between vendors";
  // AMD's processors give CR8 to 32-bit code that way.
  if (instruction.lock && operands.some(({ kind }) => kind === "cr")) {
    return "differs between vendors";
  }
  if (mnemonic === "bswap" && operands[0].size === 2) return "is undefined with 16 bits";
  return "";
}
