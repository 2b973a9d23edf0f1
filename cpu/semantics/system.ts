/**
 * Segment registers, I/O, CPUID and RDTSC, and what Denali does not virtualise (docs/QUIRKS.md).
 *
 * DS, ES and SS hold a constant; loading it again is allowed, loading anything else raises #GP. FS and GS
 * keep the selector that was loaded; their bases are set through virtual devices, never by a selector.
 */

import type { Builder, Meaning } from "../builder.ts";
import { and, constant, ne, zext16, zext8 } from "../expression.ts";
import type { Expression } from "../ir.ts";
import type { Form, FormOperand } from "../shape.ts";
import { CS, FS, GS } from "../instruction.ts";
import {
  EDX,
  EXIT_IO,
  EXIT_IO_REPEAT,
  EXIT_IO_SIZE,
  EXIT_NEXT_EIP,
  EXIT_PORT,
  FS_SELECTOR,
  GS_SELECTOR,
} from "../state.ts";
import {
  CODE_SELECTOR,
  DATA_SELECTOR,
  EXIT_IDLE,
  EXIT_IO_REQUEST,
  EXIT_IRET,
  EXIT_TERMINATE,
  IO_IN,
  IO_INS,
  IO_OUT,
  IO_OUTS,
  X86_GP,
} from "../engine.ts";

/** The selector in a segment register operand. */
export function readSegment(b: Builder, operand: FormOperand): Expression {
  const number = operand.register.op === "const" ? operand.register.value : 0;
  if (number === FS) return zext16(b.word(FS_SELECTOR));
  if (number === GS) return zext16(b.word(GS_SELECTOR));
  return constant(number === CS ? CODE_SELECTOR : DATA_SELECTOR);
}

/** Loads a segment register operand, or raises #GP(selector). */
export function writeSegment(b: Builder, operand: FormOperand, value: Expression): void {
  const number = operand.register.op === "const" ? operand.register.value : 0;
  const selector = b.let(zext16(value));
  if (number === FS) return b.setWord(FS_SELECTOR, selector);
  if (number === GS) return b.setWord(GS_SELECTOR, selector);
  b.if(ne(selector, DATA_SELECTOR), () => b.fault(X86_GP, and(selector, constant(0xfffc))));
}

export function moveFromSegment(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  b.write(target, readSegment(b, source));
}

export function moveToSegment(b: Builder, form: Form): void {
  const [target, source] = form.operands;
  writeSegment(b, target, b.read(source));
}

function request(
  b: Builder,
  form: Form,
  direction: number,
  port: Expression,
  size: number,
): void {
  b.setScratch(EXIT_PORT, port);
  b.setScratch(EXIT_IO, constant(direction));
  b.setScratch(EXIT_IO_SIZE, constant(size));
  b.setScratch(EXIT_IO_REPEAT, constant(form.repeat === "" ? 0 : 1));
  b.setScratch(EXIT_NEXT_EIP, b.nextEip());
  b.exit(EXIT_IO_REQUEST, false);
}

function portOperand(b: Builder, operand: FormOperand): Expression {
  return operand.kind === "imm" ? zext8(b.read(operand)) : zext16(b.read(operand));
}

function input(b: Builder, form: Form): void {
  const [target, port] = form.operands;
  request(b, form, IO_IN, portOperand(b, port), target.size);
}

function output(b: Builder, form: Form): void {
  const [port, source] = form.operands;
  request(b, form, IO_OUT, portOperand(b, port), source.size);
}

/** The kernel moves the data by the 32-bit index register: other forms are not virtualised. */
function stringTransfer(direction: number, size: number): Meaning {
  return (b, form) => {
    const segmented = form.override === FS || form.override === GS;
    if (form.addressSize === 2 || (direction === IO_OUTS && segmented)) return b.protected();
    request(b, form, direction, zext16(b.register(EDX, 16)), size);
  };
}

const protectedInstruction: Meaning = (b) => b.protected();

export const SYSTEM: Record<string, Meaning> = {
  in: input,
  out: output,
  insb: stringTransfer(IO_INS, 1),
  insw: stringTransfer(IO_INS, 2),
  insl: stringTransfer(IO_INS, 4),
  outsb: stringTransfer(IO_OUTS, 1),
  outsw: stringTransfer(IO_OUTS, 2),
  outsl: stringTransfer(IO_OUTS, 4),
  // The kernel pops the 32-bit frame that it pushed; no other exists.
  iret: (b, form) => form.operandSize === 2 ? b.protected() : b.exit(EXIT_IRET, false),
  idle: (b) => b.exit(EXIT_IDLE, true),
  terminate: (b) => b.exit(EXIT_TERMINATE, true),
  cpuid: (b) => b.perform("identify"),
  rdtsc: (b) => {
    b.perform("timestamp");
    // Ends the block, so that the number of retired instructions, which can be the clock, is exact.
    b.jump(b.nextEip());
  },
};

/** Instructions without an effect here. */
const NOTHING = ["nop", "pause", "lfence", "mfence", "sfence", "endbr32", "endbr64"];
for (const name of [...NOTHING, "prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2"]) {
  SYSTEM[name] = () => {};
}

/** Needs rings, segments or tables: #GP, as for a user-level process (with UMIP for the stores). */
const PROTECTED = [
  ...["cli", "sti", "hlt", "callf", "jmpf", "retf", "les", "lds", "lss", "lfs", "lgs"],
  ...["lgdt", "lidt", "lldt", "ltr", "lmsw", "clts", "invd", "wbinvd", "invlpg"],
  ...["sgdt", "sidt", "sldt", "str", "smsw", "rdmsr", "wrmsr", "rdpmc", "sysenter", "sysexit"],
  "toolong",
];
for (const name of PROTECTED) SYSTEM[name] = protectedInstruction;
