/**
 * The host's processor as the judge: runs one instruction at a time on silicon and on Denali's x87, MMX
 * and SSE operations, from the same state, and reports where they differ. See harness.c.
 *
 * In an instruction written for it, XMM1, XMM2, the x87 and MMX registers, EAX, ECX and EDX may be
 * used, and memory at [edi].
 */

import { decode } from "../../cpu/decoder.ts";
import { disassemble } from "../../cpu/disassembler.ts";
import { flush } from "../../cpu/fpu/pair.ts";
import { type Binding, MEMORY_BYTE, OPERATION_NO_STORE, stateImage } from "../../cpu/operation.ts";
import { bindOperation } from "../../cpu/operations.ts";
import {
  CpuState,
  EAX,
  ECX,
  EDX,
  FPU_BYTE,
  FPU_CONTROL,
  FPU_STATUS,
  FPU_TAG,
  MXCSR,
  SCRATCH,
  XMM_BYTE,
} from "../../cpu/state.ts";

/** Offsets in a case and a result; `STUB` comes back as fault vector + 1, or 0. */
const STUB = 0, CASE_MXCSR = 1, CONTROL = 2, STATUS = 3, VALID = 4, GENERAL = 5, EFLAGS = 8;
const PHYSICAL_BYTE = 48, XMM1_BYTE = 176, XMM2_BYTE = 192, STATE_BYTES = 208;

const ARITHMETIC_FLAGS = 0x8d5;

/** What an instruction starts from, and ends with. Memory lies behind the state. */
export interface Case {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** One instruction, as silicon and as Denali have it. */
export interface Stub {
  readonly index: number;
  readonly text: string;
  readonly binding: Binding;
}

export class Silicon {
  readonly stubs: readonly Stub[];
  readonly caseBytes: number;
  #program: string;
  #folder: string;
  #cases: Uint8Array[] = [];

  /** Assembles `instructions` (Intel syntax). `memory`: bytes of memory of each case. */
  constructor(instructions: readonly string[], readonly memory: number) {
    this.caseBytes = STATE_BYTES + memory;
    this.#folder = Deno.makeTempDirSync({ prefix: "silicon-" });
    this.#program = `${this.#folder}/harness`;
    Deno.writeTextFileSync(`${this.#folder}/stubs.s`, stubSource(instructions));
    const source = new URL("harness.c", import.meta.url).pathname;
    command("gcc", [
      ..."-m32 -O1 -no-pie -fno-pie -Wall -o".split(" "),
      this.#program,
      source,
      `${this.#folder}/stubs.s`,
    ]);
    const code = command(this.#program, ["code"]);
    const view = new DataView(code.buffer, code.byteOffset, code.length);
    let at = 0;
    this.stubs = instructions.map((text, index) => {
      const length = view.getUint32(at, true);
      const instruction = decode(code, at + 4, at + 4 + length);
      at += 4 + length;
      const binding = instruction === null ? null : bindOperation(instruction);
      if (instruction === null || binding === null) {
        const decoded = instruction === null ? "nothing" : disassemble(instruction, 0);
        throw new Error(`"${text}" has no operation; it was decoded as "${decoded}"`);
      }
      return { index, text, binding };
    });
  }

  /** A new case for `stub`, with a power-on state. */
  add(stub: Stub): Case {
    const bytes = new Uint8Array(this.caseBytes);
    const words = new Uint32Array(bytes.buffer);
    words[STUB] = stub.index;
    words[CASE_MXCSR] = 0x1f80;
    words[CONTROL] = 0x37f;
    words[EFLAGS] = 0x202;
    this.#cases.push(bytes);
    return { bytes, words };
  }

  /**
   * Runs all cases on both. `tolerate` may forgive a difference. Returns descriptions of the first few
   * differences and how many there were.
   */
  compare(
    tolerate: (stub: Stub, silicon: Uint8Array, denali: Uint8Array, input: Uint8Array) => boolean =
      () => false,
  ): { cases: number; differences: number; report: string } {
    const input = new Uint8Array(this.#cases.length * this.caseBytes);
    this.#cases.forEach((bytes, i) => input.set(bytes, i * this.caseBytes));
    const inputFile = `${this.#folder}/cases`, outputFile = `${this.#folder}/results`;
    Deno.writeFileSync(inputFile, input);
    command("sh", [
      "-c",
      `"$0" run ${this.memory} < "$1" > "$2"`,
      this.#program,
      inputFile,
      outputFile,
    ]);
    const output = Deno.readFileSync(outputFile);
    Deno.removeSync(this.#folder, { recursive: true });
    if (output.length !== input.length) {
      throw new Error(`the harness ended after ${output.length} bytes`);
    }

    const cpu = new CpuState();
    const byStub = new Map<string, number>();
    const lines: string[] = [];
    let differences = 0;
    for (let i = 0; i < this.#cases.length; i++) {
      const before = this.#cases[i], stub = this.stubs[new Uint32Array(before.buffer)[STUB]];
      const silicon = output.slice(i * this.caseBytes, (i + 1) * this.caseBytes);
      const denali = runOnDenali(cpu, stub, before);
      if (equal(silicon, denali) || tolerate(stub, silicon, denali, before)) continue;
      differences++;
      const seen = byStub.get(stub.text) ?? 0;
      byStub.set(stub.text, seen + 1);
      if (seen < 3 && lines.length < 60) {
        lines.push(`${stub.text}\n${describe(before, silicon, denali)}`);
      }
    }
    const counts = [...byStub].map(([text, n]) => `${text}: ${n}`).join("; ");
    return { cases: this.#cases.length, differences, report: `${counts}\n${lines.join("\n")}` };
  }
}

function stubSource(instructions: readonly string[]): string {
  const bodies = instructions.map((text, i) => `begin${i}:\n  ${text}\nend${i}:\n  ret\n`);
  const table = (name: string) => instructions.map((_, i) => `  .long ${name}${i}\n`).join("");
  return `.intel_syntax noprefix\n.text\n${bodies.join("")}
.section .rodata
.globl stub_begin, stub_end, stub_count
stub_begin:\n${table("begin")}stub_end:\n${table("end")}stub_count: .long ${instructions.length}
.section .note.GNU-stack,"",@progbits\n`;
}

function command(program: string, args: string[]): Uint8Array {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}

/** What an engine does with a binding (cpu/operation.ts), on a memory of one operand. */
function runOnDenali(cpu: CpuState, stub: Stub, before: Uint8Array): Uint8Array {
  const after = before.slice(), words = new Uint32Array(after.buffer);
  load(cpu, after, words);
  const memory = after.subarray(STATE_BYTES);
  const { binding } = stub;
  const buffer = binding.image ? stateImage : cpu.u8.subarray(MEMORY_BYTE, MEMORY_BYTE + 16);
  if (binding.loads > 0) buffer.set(memory.subarray(0, binding.loads));
  if (binding.readsFlags) cpu.i32[SCRATCH] = words[EFLAGS];
  const result = binding.operation(cpu, binding.destination, binding.source, binding.immediate);
  if (binding.stores > 0 && result === 0) memory.set(buffer.subarray(0, binding.stores));
  if (binding.writesFlags && result === 0) {
    words[EFLAGS] = words[EFLAGS] & ~ARITHMETIC_FLAGS | cpu.i32[SCRATCH];
  }
  words[STUB] = result > 0 ? result + 1 : 0;
  if (result < OPERATION_NO_STORE) throw new Error(`"${stub.text}" returned ${result}`);
  flush(cpu);
  store(cpu, after, words);
  return after;
}

function load(cpu: CpuState, bytes: Uint8Array, words: Uint32Array): void {
  cpu.reset();
  cpu.i32[MXCSR] = words[CASE_MXCSR];
  cpu.i32[FPU_CONTROL] = words[CONTROL];
  cpu.i32[FPU_STATUS] = words[STATUS];
  let tags = 0;
  for (let i = 0; i < 8; i++) if ((words[VALID] >> i & 1) === 0) tags |= 3 << 2 * i;
  cpu.i32[FPU_TAG] = tags;
  cpu.i32[EAX] = words[GENERAL];
  cpu.i32[ECX] = words[GENERAL + 1];
  cpu.i32[EDX] = words[GENERAL + 2];
  for (let i = 0; i < 8; i++) {
    const from = PHYSICAL_BYTE + 16 * i;
    cpu.u8.set(bytes.subarray(from, from + 10), FPU_BYTE + 16 * i);
  }
  cpu.u8.set(bytes.subarray(XMM1_BYTE, STATE_BYTES), XMM_BYTE + 16);
}

function store(cpu: CpuState, bytes: Uint8Array, words: Uint32Array): void {
  words[CASE_MXCSR] = cpu.i32[MXCSR];
  words[CONTROL] = cpu.i32[FPU_CONTROL];
  words[STATUS] = cpu.i32[FPU_STATUS];
  words[VALID] = 0;
  for (let i = 0; i < 8; i++) if ((cpu.i32[FPU_TAG] >> 2 * i & 3) !== 3) words[VALID] |= 1 << i;
  words[GENERAL] = cpu.i32[EAX];
  words[GENERAL + 1] = cpu.i32[ECX];
  words[GENERAL + 2] = cpu.i32[EDX];
  for (let i = 0; i < 8; i++) {
    const from = FPU_BYTE + 16 * i;
    bytes.set(cpu.u8.subarray(from, from + 10), PHYSICAL_BYTE + 16 * i);
  }
  bytes.set(cpu.u8.subarray(XMM_BYTE + 16, XMM_BYTE + 48), XMM1_BYTE);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A case side by side: only what differs of the results. */
function describe(before: Uint8Array, silicon: Uint8Array, denali: Uint8Array): string {
  const parts: [string, number, number][] = [
    ["fault+1", 0, 4],
    ["mxcsr", 4, 4],
    ["fcw", 8, 4],
    ["fsw", 12, 4],
    ["valid", 16, 4],
    ["eax", 20, 4],
    ["ecx", 24, 4],
    ["edx", 28, 4],
    ["eflags", 32, 4],
    ...Array.from({ length: 8 }, (_, i): [string, number, number] => [`r${i}`, 48 + 16 * i, 10]),
    ["xmm1", XMM1_BYTE, 16],
    ["xmm2", XMM2_BYTE, 16],
    ["memory", STATE_BYTES, before.length - STATE_BYTES],
  ];
  const lines: string[] = [];
  for (const [name, at, length] of parts) {
    const hex = (bytes: Uint8Array) =>
      Array.from(bytes.subarray(at, at + length)).reverse()
        .map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const differs = hex(silicon) !== hex(denali);
    const input = hex(before);
    if (differs) {
      lines.push(`  ${name}: ${input} -> silicon ${hex(silicon)}, Denali ${hex(denali)}`);
    } else if (!/^0*$/.test(input)) lines.push(`  ${name}: ${input}`);
  }
  return lines.join("\n");
}

/** xorshift32: the same cases for the same seed. */
export function randomSource(seed: number): () => number {
  let state = 2 * seed + 1 | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Access to the parts of a case. */
export const part = {
  setMxcsr: (c: Case, value: number) => c.words[CASE_MXCSR] = value,
  setControl: (c: Case, value: number) => c.words[CONTROL] = value,
  status: (c: Case) => c.words[STATUS],
  setStatus: (c: Case, value: number) => c.words[STATUS] = value,
  setValid: (c: Case, value: number) => c.words[VALID] = value,
  setGeneral: (c: Case, index: number, value: number) => c.words[GENERAL + index] = value,
  setFlags: (c: Case, value: number) => c.words[EFLAGS] = value,
  /** R0..R7, 10 bytes each. */
  physical: (c: Case, i: number) =>
    c.bytes.subarray(PHYSICAL_BYTE + 16 * i, PHYSICAL_BYTE + 16 * i + 10),
  xmm1: (c: Case) => c.bytes.subarray(XMM1_BYTE, XMM1_BYTE + 16),
  xmm2: (c: Case) => c.bytes.subarray(XMM2_BYTE, XMM2_BYTE + 16),
  memory: (c: Case) => c.bytes.subarray(STATE_BYTES),
};
