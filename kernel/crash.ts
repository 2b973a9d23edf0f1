/**
 * The whole state of a VM at its end: what an operator reads after a crash, and what a differential
 * test compares with a real processor.
 *
 * The guest chose every number here. The report is bounded whatever ESP, EBP and EIP are, and reading
 * the guest's memory for it changes nothing but the VM's own page tables.
 */

import { decode } from "../cpu/decoder.ts";
import { disassemble } from "../cpu/disassembler.ts";
import { readFlags } from "../cpu/flags.ts";
import {
  EBP,
  EIP,
  ESP,
  EXIT_ADDRESS,
  EXIT_ERROR,
  EXIT_VECTOR,
  FPU_BYTE,
  FPU_CONTROL,
  FPU_STATUS,
  FPU_STRIDE,
  FPU_TAG,
  FS_BASE,
  GS_BASE,
  MXCSR,
  XMM_BYTE,
  XMM_STRIDE,
} from "../cpu/state.ts";
import { REGISTER_NAMES } from "../cpu/instruction.ts";
import type { Memory } from "./memory.ts";
import { readTrace, type TraceEntry } from "./trace.ts";
import type { Vm, VmState, VmStats, Wait } from "./vm.ts";

/** Instructions before and from EIP in a report. */
const CODE_BEFORE = 6, CODE_AFTER = 6;
/** Code before EIP is decoded from the start of its function, if that is not farther than this: under a millisecond. */
const FUNCTION_MAXIMUM = 4096;
const STACK_WORDS = 16;
const INSTRUCTION_MAXIMUM = 15;

export interface ExceptionReport {
  /** x86 vector, and its name ("#PF"). */
  readonly vector: number;
  readonly name: string;
  readonly error: number;
  /** Address of a #PF, else 0. */
  readonly address: number;
}

export type RegisterName = typeof REGISTER_NAMES[4][number] | "eip" | "fs_base" | "gs_base";

export interface FpuReport {
  readonly control: number;
  readonly status: number;
  readonly tag: number;
  /** ST(0)..ST(7), 80 bits each as 20 hex digits. */
  readonly st: readonly string[];
}

export interface CodeLine {
  readonly address: number;
  /** Hex digits. */
  readonly bytes: string;
  readonly text: string;
}

/** Pages of 4 KiB that belong to the VM alone, and how they moved. */
export interface MemoryReport {
  readonly resident: number;
  readonly swapped: number;
  /** Times it had to wait for a page in swap. */
  readonly faults: number;
  readonly pageIns: number;
  readonly pageOuts: number;
  /** Frames that were taken from it, with or without a write. */
  readonly evictions: number;
}

/** Plain JSON. Addresses and registers are uint32. */
export interface VmReport {
  readonly id: number;
  readonly name: string;
  readonly image: string;
  readonly state: VmState;
  /** One line: why it is in this state. */
  readonly reason: string;
  /** What it takes no turns for, though it is "running". */
  readonly waits: Wait | null;
  /** Exit code of a stopped VM. */
  readonly code: number | null;
  readonly exception: ExceptionReport | null;
  /** Instructions retired. */
  readonly instructions: number;
  /** Counters since its creation, those of its NIC and disk among them. */
  readonly stats: VmStats;
  /** Pages of its own; what is in swap is not read for this report. */
  readonly memory: MemoryReport;
  readonly registers: Readonly<Record<RegisterName, number>>;
  readonly eflags: number;
  readonly fpu: FpuReport;
  readonly mxcsr: number;
  /** XMM0..XMM7 as 32 hex digits, highest byte first. */
  readonly xmm: readonly string[];
  /** `function+0x12` of EIP, or "". */
  readonly symbol: string;
  readonly disassembly: readonly CodeLine[];
  /** The words from ESP up. */
  readonly stack: readonly number[];
  readonly trace: readonly TraceEntry[];
}

/** The report of a VM that crashed. */
export type CrashReport = VmReport;

/** Intel SDM vol. 3, table 6-1. */
const X86_EXCEPTION_NAMES: Readonly<Record<number, string>> = {
  0: "#DE",
  1: "#DB",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  19: "#XM",
};

/** What the EXIT_ words say about the last exception. */
export function exceptionReport(vm: Vm): ExceptionReport {
  const { i32 } = vm.cpu;
  const vector = i32[EXIT_VECTOR];
  const name = X86_EXCEPTION_NAMES[vector] ?? `#${vector}`;
  const address = name === "#PF" ? i32[EXIT_ADDRESS] >>> 0 : 0;
  return { vector, name, error: i32[EXIT_ERROR] >>> 0, address };
}

/** `#PF at 0x10234 (main+0x14): write to address 0x0` */
export function describeException(vm: Vm, exception: ExceptionReport): string {
  const eip = vm.cpu.i32[EIP] >>> 0;
  const symbol = vm.image.symbols.describe(eip);
  const at = `${exception.name} at ${hex(eip)}${symbol ? ` (${symbol})` : ""}`;
  return at + describeAccess(exception) + describeStack(vm);
}

function describeAccess({ name, error, address }: ExceptionReport): string {
  if (name === "#PF") {
    return `: ${(error & 2) !== 0 ? "write to" : "read or execution of"} address ${hex(address)}`;
  }
  return error !== 0 ? `, error code ${hex(error)}` : "";
}

/** Nothing stops a stack at its end: one that grew too far has left memory, or is in the code. */
function describeStack({ cpu, memory, image }: Vm): string {
  const esp = cpu.i32[ESP] >>> 0;
  const begin = Math.min(...image.segments.map(({ address }) => address));
  if (esp >= begin && esp <= memory && !image.isCode(esp)) return "";
  return `; ESP is ${hex(esp)}, where no stack can be: it has overflowed`;
}

/** Takes the report. Code, stack and trace are empty once the VM has given back its memory. */
export function makeReport(
  vm: Vm,
  state: VmState,
  reason: string,
  exception: ExceptionReport | null = null,
): VmReport {
  const { i32, retired } = vm.cpu;
  const registers = readRegisters(i32);
  const inMemory = !vm.ended;
  const { space, image: { symbols } } = vm;
  return {
    id: vm.id,
    name: vm.name,
    image: vm.image.name,
    state,
    reason,
    waits: vm.waits,
    code: vm.exitCode,
    exception,
    instructions: retired,
    stats: vm.stats,
    memory: readMemory(vm),
    registers,
    eflags: readFlags(vm.cpu) >>> 0,
    fpu: readFpu(vm),
    mxcsr: i32[MXCSR] >>> 0,
    xmm: range(8).map((n) => hexBytes(vm.cpu.u8, XMM_BYTE + n * XMM_STRIDE, 16)),
    symbol: symbols.describe(registers.eip),
    disassembly: inMemory ? readCode(vm, registers.eip) : [],
    stack: inMemory ? readStack(space, i32[ESP] >>> 0) : [],
    trace: inMemory ? readTrace(vm, registers.eip, i32[ESP] >>> 0, i32[EBP] >>> 0) : [],
  };
}

function readMemory({ stats }: Vm): MemoryReport {
  const { privateFrames, swappedPages, faults, pageIns, pageOuts, evictions } = stats;
  return { resident: privateFrames, swapped: swappedPages, faults, pageIns, pageOuts, evictions };
}

function readRegisters(i32: Int32Array): Record<RegisterName, number> {
  const general = REGISTER_NAMES[4].map((name, index) => [name, i32[index] >>> 0]);
  return {
    ...Object.fromEntries(general) as Record<typeof REGISTER_NAMES[4][number], number>,
    eip: i32[EIP] >>> 0,
    fs_base: i32[FS_BASE] >>> 0,
    gs_base: i32[GS_BASE] >>> 0,
  };
}

function readFpu(vm: Vm): FpuReport {
  const { i32, u8 } = vm.cpu;
  const status = i32[FPU_STATUS];
  const top = (status >>> 11) & 7;
  return {
    control: i32[FPU_CONTROL],
    status,
    tag: i32[FPU_TAG],
    st: range(8).map((n) => hexBytes(u8, FPU_BYTE + ((top + n) & 7) * FPU_STRIDE, 10)),
  };
}

/** The instructions around EIP; those before it only if its function is known. */
function readCode(vm: Vm, eip: number): CodeLine[] {
  const lines: CodeLine[] = [];
  for (const at of addressesBefore(vm, eip)) {
    const line = readInstruction(vm.space, at);
    if (line) lines.push(line);
  }
  for (let at = eip, i = 0; i < CODE_AFTER; i++) {
    const line = readInstruction(vm.space, at);
    if (!line) break;
    lines.push(line);
    at += line.bytes.length / 2;
  }
  return lines;
}

const functionBytes = new Uint8Array(FUNCTION_MAXIMUM);

/** Of the last instructions before EIP. */
function addressesBefore({ image, space }: Vm, eip: number): number[] {
  const start = image.symbols.find(eip)?.address ?? eip;
  const length = eip - start;
  if (length > FUNCTION_MAXIMUM || space.read(start, functionBytes, 0, length) < length) return [];
  const addresses: number[] = [];
  for (let at = 0; at < length;) {
    const instruction = decode(functionBytes, at, length);
    if (instruction === null) break;
    addresses.push(start + at);
    at += instruction.length;
  }
  return addresses.slice(-CODE_BEFORE);
}

const code = new Uint8Array(INSTRUCTION_MAXIMUM);

function readInstruction(space: Memory, address: number): CodeLine | null {
  const count = space.read(address, code, 0, INSTRUCTION_MAXIMUM);
  const instruction = decode(code, 0, count);
  if (!instruction) return null;
  const bytes = range(instruction.length).map((i) => hexByte(code[i])).join("");
  return { address, bytes, text: disassemble(instruction, address) };
}

const word = new Int32Array(1);

function readStack(space: Memory, esp: number): number[] {
  const words: number[] = [];
  while (words.length < STACK_WORDS && space.load32(esp + 4 * words.length, word, 0)) {
    words.push(word[0] >>> 0);
  }
  return words;
}

/** The report as an operator reads it. */
export function reportText(report: VmReport): string {
  const lines = [
    `VM ${report.id} "${printable(report.name)}" (image ${
      printable(report.image)
    }) ${report.state}: ` +
    report.reason,
    `  after ${report.instructions} instructions`,
    "",
  ];
  const registers = Object.entries(report.registers);
  for (let i = 0; i < registers.length; i += 4) {
    lines.push(
      "  " + registers.slice(i, i + 4).map(([name, value]) => `${name.padEnd(7)} ${hex8(value)}`)
        .join("  "),
    );
  }
  lines.push(`  eflags  ${hex8(report.eflags)}  mxcsr   ${hex8(report.mxcsr)}`);
  lines.push("", `code${report.symbol ? ` in ${report.symbol}` : ""}:`);
  for (const { address, bytes, text } of report.disassembly) {
    const mark = address === report.registers.eip ? "=>" : "  ";
    lines.push(`${mark} ${hex8(address)}  ${bytes.padEnd(20)}  ${text}`);
  }
  lines.push("", `stack at ${hex8(report.registers.esp)}:`);
  for (let i = 0; i < report.stack.length; i += 8) {
    lines.push("  " + report.stack.slice(i, i + 8).map(hex8).join(" "));
  }
  lines.push("", "call trace:");
  for (const { address, symbol, source } of report.trace) {
    lines.push(`  ${hex8(address)}  ${symbol}${source === "scan" ? "  (found on the stack)" : ""}`);
  }
  return lines.join("\n") + "\n";
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function hex(value: number): string {
  return "0x" + value.toString(16);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** `count` bytes, highest address first. */
function hexBytes(bytes: Uint8Array, offset: number, count: number): string {
  return range(count).map((i) => hexByte(bytes[offset + count - 1 - i])).join("");
}

/** Names come from users: keeps control characters off the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}
