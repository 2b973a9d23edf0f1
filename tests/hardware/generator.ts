/**
 * Cases for the integer instructions: every opcode with every ModRM form, operands at the edges and at random,
 * memory operands steered into the windows (in the middle, across pages, at the end, read-only).
 */

import { decode } from "../../cpu/decoder.ts";
import { disassemble } from "../../cpu/disassembler.ts";
import { type Instruction, NO_REGISTER, type Operand } from "../../cpu/instruction.ts";
import { bindOperation } from "../../cpu/operations.ts";
import { isImplemented } from "../../cpu/semantics/table.ts";
import { AC, AF, ARITHMETIC_FLAGS, CF, NT, OF, PF, SF, TF, ZF } from "../../cpu/flags.ts";
import { PAGE_SIZE } from "../../cpu/engine.ts";
import { type Case, CODE, DATA, isHostMemory, LOW, WINDOW_BYTES, WINDOWS } from "./oracle.ts";

/** xorshift32; `below(n)` is 0..n-1. */
export class Random {
  constructor(private state: number) {}

  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.state = x;
  }

  below(limit: number): number {
    return (this.next() >>> 0) % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
}

const EDGES = [0, 1, -1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000];

function value(random: Random): number {
  return random.below(2) === 0 ? random.pick(EDGES) : random.next();
}

/**
 * Not compared here. Segment registers, I/O, system calls and what Denali does not virtualise behave
 * otherwise on purpose; CPUID and RDTSC tell about the host; TZCNT and LZCNT exist on the host;
 * hypervisors report another EIP for INT1.
 */
const EXCLUDED = new Set([
  ...["in", "out", "insb", "insw", "insl", "outsb", "outsw", "outsl", "iret", "idle", "terminate"],
  ...[
    "cpuid",
    "rdtsc",
    "tzcnt",
    "lzcnt",
    "callf",
    "jmpf",
    "retf",
    "les",
    "lds",
    "lss",
    "lfs",
    "lgs",
  ],
  ...["sgdt", "sidt", "sldt", "str", "smsw", "sysenter", "sysexit", "syscall", "rdpmc", "int1"],
]);

/** Whether the differential test covers this instruction. */
export function isComparable(instruction: Instruction): boolean {
  if (instruction.invalid || !isImplemented(instruction.mnemonic)) return false;
  if (EXCLUDED.has(instruction.mnemonic) || bindOperation(instruction) !== null) return false;
  if (instruction.override === 4 || instruction.override === 5) return false;
  // With a repeat prefix AMD's processors test ZF as the prefix says.
  if (/^loopn?e$/.test(instruction.mnemonic) && instruction.repeat !== "") return false;
  if (instruction.mnemonic === "int" && instruction.operands[0].value === 0x80) return false;
  return instruction.operands.every(({ kind }) => kind !== "seg" && kind !== "far");
}

/** The flags that are defined after an instruction (Intel SDM vol. 2, at each instruction). */
function definedFlags(instruction: Instruction, ecx: number): number {
  const all = -1;
  const { mnemonic, operands } = instruction;
  const last = operands[operands.length - 1];
  const count = (last?.kind === "imm" ? last.value : ecx) & 31;
  const width = (operands[0]?.size ?? 0) * 8;
  switch (mnemonic) {
    case "and":
    case "or":
    case "xor":
    case "test":
      return all & ~AF;
    case "mul":
    case "imul":
      return all & ~(SF | ZF | AF | PF);
    case "div":
    case "idiv":
      return all & ~ARITHMETIC_FLAGS;
    case "shl":
    case "shr":
    case "sar":
    case "shld":
    case "shrd":
      if (count === 0) return all;
      return all & ~(AF | (count === 1 ? 0 : OF) | (count >= width ? CF : 0));
    case "rol":
    case "ror":
    case "rcl":
    case "rcr":
      return count < 2 ? all : all & ~OF;
    case "bt":
    case "bts":
    case "btr":
    case "btc":
      return all & ~(OF | SF | AF | PF);
    case "bsf":
    case "bsr":
      return all & ~(CF | OF | SF | AF | PF);
    case "daa":
    case "das":
      return all & ~OF;
    case "aaa":
    case "aas":
      return all & ~(OF | SF | ZF | PF);
    case "aam":
    case "aad":
      return all & ~(OF | AF | CF);
    default:
      return all;
  }
}

/** Results that are undefined altogether. */
function isUndefined(instruction: Instruction, ecx: number): boolean {
  const { mnemonic, operands } = instruction;
  if (mnemonic === "bswap") return operands[0].size === 2;
  if (mnemonic === "shld" || mnemonic === "shrd") {
    const count = (operands[2].kind === "imm" ? operands[2].value : ecx) & 31;
    return operands[0].size === 2 && count > 16;
  }
  return false;
}

/** Addresses around which memory operands are put. */
const SPOTS = [
  DATA + PAGE_SIZE - 64, // within a page
  DATA + PAGE_SIZE + 40,
  DATA + PAGE_SIZE - 2, // across two pages
  DATA + PAGE_SIZE - 1,
  DATA + PAGE_SIZE - 3,
  DATA + 2 * PAGE_SIZE - 32, // before the read-only page
  DATA + 2 * PAGE_SIZE - 2, // into it
  DATA + 2 * PAGE_SIZE + 16, // in it
  DATA + 3 * PAGE_SIZE - 2, // into nothing
  DATA + 3 * PAGE_SIZE + 8, // in nothing
];

/** Frame pointers for ENTER, which reads up to 31 words below. */
const FRAMES = SPOTS.filter((_, i) => i !== 0 && i !== 5);

function dataAddress(random: Random, low: boolean): number {
  if (low) return LOW + 64 + random.below(128);
  return random.pick(SPOTS.slice(0, random.below(2) === 0 ? 2 : SPOTS.length));
}

/** Sets base and index so that the operand lies at `address`; false if its form does not allow it. */
function steer(
  random: Random,
  registers: Int32Array,
  operand: Operand,
  address: number,
): boolean {
  // An absolute address elsewhere could hit the host process itself.
  if (operand.base === NO_REGISTER && operand.index === NO_REGISTER) return isOurs(operand.value);
  if (operand.index === NO_REGISTER) {
    registers[operand.base] = address - operand.value;
    return true;
  }
  if (operand.base === operand.index) return false;
  if (operand.base === NO_REGISTER) {
    registers[operand.index] = (address - operand.value) >> operand.shift;
    return true;
  }
  const index = random.below(4) === 0 ? -random.below(16) : random.below(16);
  registers[operand.index] = index;
  registers[operand.base] = address - operand.value - (index << operand.shift);
  return true;
}

/** Memory that both sides have with the same contents. */
function isOurs(address: number): boolean {
  return windowOffset(address) >= 0 ||
    (address >= DATA + 2 * PAGE_SIZE && address < DATA + 4 * PAGE_SIZE);
}

const LEGACY_PREFIXES = [[], [], [], [0x66], [0x66], [0x67], [0x66, 0x67], [0xf0], [0xf3], [0xf2]];

/** The bytes of one instruction of an opcode, or null if it is not one to compare. */
function encode(random: Random, opcode: readonly number[], modrm: number): Uint8Array | null {
  const prefixes = random.pick(LEGACY_PREFIXES);
  const code = new Uint8Array(15);
  code.set([...prefixes, ...opcode, modrm]);
  const rest = prefixes.length + opcode.length + 1;
  for (let i = rest; i < 15; i++) code[i] = random.next();
  // A SIB byte, if there is one; then displacement or immediate: small, or an address of the data.
  const choice = random.below(4);
  if (choice === 0) code.fill(random.pick([0, 1, 0x7f, 0x80, 0xff]), rest + 1);
  else if (choice === 1) new DataView(code.buffer).setUint32(rest, DATA + PAGE_SIZE - 64, true);
  else if (choice === 2) new DataView(code.buffer).setUint32(rest + 1, DATA + PAGE_SIZE - 64, true);
  const instruction = decode(code, 0, code.length);
  if (instruction === null || !isComparable(instruction)) return null;
  return code.slice(0, instruction.length);
}

/** A random case of an opcode and ModRM byte, or null where there is none to compare. */
export function generate(random: Random, opcode: readonly number[], modrm: number): Case | null {
  const code = encode(random, opcode, modrm);
  if (code === null) return null;
  const instruction = decode(code, 0, code.length)!;
  const registers = Int32Array.from({ length: 8 }, () => value(random));
  const low = instruction.addressSize === 2;
  registers[4] = random.pick([...SPOTS, ...SPOTS.slice(0, 2), DATA + PAGE_SIZE, DATA + PAGE_SIZE]);
  if (/^(movs|cmps|scas|stos|lods)[bwl]$/.test(instruction.mnemonic)) {
    registers[6] = dataAddress(random, low);
    registers[7] = dataAddress(random, low);
    if (instruction.repeat !== "") registers[1] = random.below(16);
  }
  if (instruction.mnemonic === "xlat") {
    registers[3] = dataAddress(random, low) - (registers[0] & 255);
  }
  if (instruction.mnemonic === "enter" || instruction.mnemonic === "leave") {
    registers[5] = random.pick(FRAMES);
    if (random.below(2) === 0) registers[4] = DATA + PAGE_SIZE + 100;
  }
  const memory = Uint8Array.from({ length: WINDOW_BYTES }, () => random.next());
  if (random.below(4) === 0) memory.fill(random.pick([0, 0xff, 0x80, 0x7f]));
  for (const operand of instruction.operands) {
    if (operand.kind === "mem" && !steer(random, registers, operand, dataAddress(random, low))) {
      return null;
    }
  }
  if (/^(jmp|call|ret)$/.test(instruction.mnemonic)) aim(random, instruction, registers, memory);
  if (instruction.mnemonic.startsWith("bt") && instruction.operands[1].kind === "reg") {
    const selector = instruction.operands[1].register;
    const isFree = instruction.operands[0].base !== selector &&
      instruction.operands[0].index !== selector;
    if (!isFree) return null;
    registers[selector] = random.below(512) - 256;
  }
  if (instruction.mnemonic === "popf") maskFlags(registers, memory);
  if (isUndefined(instruction, registers[1])) return null;
  const control = random.below(4) === 0 ? 0x400 : 0;
  // Sometimes the instruction straddles two pages.
  const eip = random.below(16) === 0 ? CODE + PAGE_SIZE - 1 - random.below(4) : CODE + 0x100;
  for (const { kind, value: displacement } of instruction.operands) {
    if (kind === "rel" && isHostMemory(eip + code.length + displacement)) return null;
  }
  return {
    text: disassemble(instruction, eip),
    eip,
    code,
    registers,
    eflags: (random.next() & ARITHMETIC_FLAGS) | control | 0x202,
    memory,
    flagMask: definedFlags(instruction, registers[1]),
    torn: /^(enter|pusha|popa)$/.test(instruction.mnemonic),
  };
}

/** Where windows hold the byte at an address, or -1. */
function windowOffset(address: number): number {
  let offset = 0;
  for (const window of WINDOWS) {
    const within = address - window.address;
    if (within >= 0 && within < window.bytes) return offset + within;
    offset += window.bytes;
  }
  return -1;
}

function poke(memory: Uint8Array, address: number, word: number): void {
  for (let i = 0; i < 4; i++) {
    const offset = windowOffset(address + i);
    if (offset >= 0) memory[offset] = word >>> (8 * i);
  }
}

/** Indirect branches mostly go into the code page, where INT3 waits. */
function aim(
  random: Random,
  instruction: Instruction,
  registers: Int32Array,
  memory: Uint8Array,
): void {
  const target = CODE + 0x200 + random.below(256);
  const operand = instruction.operands[0];
  if (instruction.mnemonic === "ret") poke(memory, registers[4], target);
  else if (operand.kind === "reg" && operand.size === 4) registers[operand.register] = target;
  else if (
    operand.kind === "mem" && operand.base !== NO_REGISTER && operand.index === NO_REGISTER
  ) {
    poke(memory, registers[operand.base] + operand.value, target);
  }
}

/** POPF must not set TF or AC in the host process. */
function maskFlags(registers: Int32Array, memory: Uint8Array): void {
  for (let i = 0; i < 4; i++) {
    const offset = windowOffset(registers[4] + i);
    if (offset >= 0) memory[offset] &= ~(TF | AC | NT) >>> (8 * i);
  }
}

/** Every opcode of the one- and two-byte maps. */
export function allOpcodes(): number[][] {
  const opcodes: number[][] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (byte !== 0x0f) opcodes.push([byte]);
    opcodes.push([0x0f, byte]);
  }
  return opcodes;
}
