/**
 * The host's processor and an engine side by side: both run the same cases from the same state in the same
 * address space, and `compare` tells where they differ. See oracle.c for the native half.
 *
 *     0x00002000  low page, for 16-bit addresses
 *     0x00200000  code, two pages, filled with INT3
 *     0x00300000  data: two writable pages, one read-only page, nothing behind it
 */

import { createPool, FlatSpace } from "../../cpu/flat_space.ts";
import { type Engine, type EngineOptions, EXIT_EXCEPTION, PAGE_SIZE } from "../../cpu/engine.ts";
import { IF, readFlags, writeFlags } from "../../cpu/flags.ts";
import { CpuState, EIP, EXIT_ADDRESS, EXIT_ERROR, EXIT_VECTOR } from "../../cpu/state.ts";

export const CODE = 0x200000, DATA = 0x300000, LOW = 0x2000;
const CODE_BYTES = 32;

/** The bytes of memory that a case sets and a result shows. */
export const WINDOWS = [
  { address: DATA + PAGE_SIZE - 128, bytes: 256, writable: true },
  { address: DATA + 2 * PAGE_SIZE - 128, bytes: 128, writable: true },
  { address: DATA + 2 * PAGE_SIZE, bytes: 128, writable: false },
  { address: LOW, bytes: 256, writable: true },
] as const;
export const WINDOW_BYTES: number = WINDOWS.reduce((sum, { bytes }) => sum + bytes, 0);

/** Where the native half itself lies, which no case should touch: its program, and what Linux puts on top. */
const HOST_TEXT = 0x70000000, HOST_TEXT_END = 0x7a000000, HOST_TOP = 0xf0000000;

export function isHostMemory(address: number): boolean {
  const at = address >>> 0;
  return (at >= HOST_TEXT && at < HOST_TEXT_END) || at >= HOST_TOP;
}

export interface Case {
  /** Names the case in a report. */
  readonly text: string;
  /** Where the code lies; INT3 fills what follows. */
  readonly eip: number;
  readonly code: Uint8Array;
  readonly registers: Int32Array;
  readonly eflags: number;
  /** WINDOW_BYTES, window after window. */
  readonly memory: Uint8Array;
  /** Bits of EFLAGS that are defined after the instruction. */
  readonly flagMask: number;
  /**
   * Many accesses: processors differ in their order, and leave memory or registers half changed when one of
   * them faults (Denali never does).
   */
  readonly torn: boolean;
}

export interface Result {
  readonly vector: number;
  readonly error: number;
  readonly address: number;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: Int32Array;
  readonly memory: Uint8Array;
}

const INPUT_BYTES = 4 + CODE_BYTES + 32 + 4 + WINDOW_BYTES;
const OUTPUT_BYTES = 5 * 4 + 32 + WINDOW_BYTES;

/** Runs the cases on the host's processor. */
export async function runOnHost(cases: readonly Case[]): Promise<Result[]> {
  const folder = await Deno.makeTempDir({ prefix: "oracle-" });
  try {
    const source = new URL("oracle.c", import.meta.url).pathname;
    const flags = ["-m32", "-O2", "-w", "-static", "-no-pie", `-Wl,-Ttext-segment=${HOST_TEXT}`];
    await run("gcc", [...flags, "-o", `${folder}/oracle`, source], null, null);
    await Deno.writeFile(`${folder}/cases`, encodeCases(cases));
    await run(`${folder}/oracle`, [], `${folder}/cases`, `${folder}/results`);
    return decodeResults(await Deno.readFile(`${folder}/results`), cases.length);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(
  program: string,
  args: string[],
  input: string | null,
  output: string | null,
): Promise<void> {
  const redirected = output === null
    ? [program, ...args]
    : ["sh", "-c", 'exec "$0" < "$1" > "$2"', program, input ?? "", output];
  const command = new Deno.Command(redirected[0], { args: redirected.slice(1), stderr: "piped" });
  const { code, signal, stderr } = await command.output();
  if (code !== 0) {
    const message = new TextDecoder().decode(stderr);
    throw new Error(`${program}: expected exit status 0, got ${signal ?? code}: ${message}`);
  }
}

function encodeCases(cases: readonly Case[]): Uint8Array {
  const bytes = new Uint8Array(cases.length * INPUT_BYTES);
  const view = new DataView(bytes.buffer);
  cases.forEach((one, number) => {
    const at = number * INPUT_BYTES;
    view.setUint32(at, one.eip, true);
    bytes.fill(0xcc, at + 4, at + 4 + CODE_BYTES);
    bytes.set(one.code, at + 4);
    one.registers.forEach((value, i) => view.setInt32(at + 4 + CODE_BYTES + i * 4, value, true));
    view.setUint32(at + CODE_BYTES + 36, one.eflags, true);
    bytes.set(one.memory, at + CODE_BYTES + 40);
  });
  return bytes;
}

function decodeResults(bytes: Uint8Array, count: number): Result[] {
  if (bytes.length !== count * OUTPUT_BYTES) {
    throw new Error(`expected ${count} results, got ${bytes.length / OUTPUT_BYTES}`);
  }
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, number) => {
    const at = number * OUTPUT_BYTES;
    const word = (index: number) => view.getUint32(at + index * 4, true);
    return {
      vector: word(0),
      error: word(1),
      address: word(2),
      eip: word(3),
      eflags: word(4),
      registers: Int32Array.from({ length: 8 }, (_, i) => word(5 + i)),
      memory: bytes.subarray(at + 52, at + OUTPUT_BYTES),
    };
  });
}

/** Runs cases on an engine. */
export class EngineUnderTest {
  private readonly pool = createPool(8 * PAGE_SIZE);
  private readonly space = new FlatSpace((DATA >> 12) + 4, (DATA >> 12) + 4);
  private readonly engine: Engine;
  private readonly cpu = new CpuState();
  private readonly offsets: number[];

  constructor(createEngine: (options: EngineOptions) => Engine) {
    const { space } = this;
    this.engine = createEngine({ pool: this.pool, timestamp: (cpu) => cpu.retired });
    space.codeCache = this.engine;
    space.map(LOW >> 12, 0, true);
    space.map(CODE >> 12, 1, true);
    space.map((CODE >> 12) + 1, 2, true);
    // Not in order, so that an access that straddles pages cannot go on in the pool.
    space.map(DATA >> 12, 5, true);
    space.map((DATA >> 12) + 1, 3, true);
    space.map((DATA >> 12) + 2, 6, false);
    this.offsets = WINDOWS.flatMap(({ address, bytes }) =>
      Array.from({ length: bytes }, (_, i) => this.place(address + i))
    );
  }

  private place(address: number): number {
    return (this.space.readTable[address >>> 12] & ~(PAGE_SIZE - 1)) | (address & (PAGE_SIZE - 1));
  }

  run(one: Case): Result {
    const { cpu, pool, engine, space } = this;
    const code = this.place(CODE);
    engine.dropFrame(code);
    engine.dropFrame(code + PAGE_SIZE);
    pool.u8.fill(0xcc, code, code + 2 * PAGE_SIZE);
    pool.u8.set(one.code, this.place(one.eip));
    this.offsets.forEach((offset, i) => pool.u8[offset] = one.memory[i]);
    cpu.i32.set(one.registers);
    cpu.i32[EIP] = one.eip;
    writeFlags(cpu, one.eflags);
    const reason = engine.run(cpu, space, 200_000);
    const exception = reason === EXIT_EXCEPTION;
    return {
      vector: exception ? cpu.i32[EXIT_VECTOR] : -1 - reason,
      error: exception ? cpu.i32[EXIT_ERROR] : 0,
      address: cpu.i32[EXIT_ADDRESS] >>> 0,
      eip: cpu.i32[EIP] >>> 0,
      eflags: readFlags(cpu),
      registers: cpu.i32.slice(0, 8),
      memory: Uint8Array.from(this.offsets, (offset) => pool.u8[offset]),
    };
  }
}

const PF_VECTOR = 14;
/** What oracle.c gives for a case that did not end, and what an engine that used up its budget has. */
const ENDLESS = 0xff, OUT_OF_BUDGET = -1;
/** W and U; P and I tell about protection that a VM's memory does not have. */
const ERROR_MASK = 6;
const FETCH_ERROR = 0x10;
/** RF and IF are not the program's. */
const EFLAGS_MASK = ~(1 << 16 | IF);

/** What differs between silicon and engine, or "" . */
export function difference(one: Case, host: Result, engine: Result): string {
  // Data pages are executable in a VM, so what happens after a jump there is not comparable.
  if (host.vector === PF_VECTOR && (host.error & FETCH_ERROR) !== 0 && inMemory(host.address)) {
    return "";
  }
  if (engine.vector === PF_VECTOR && isHostMemory(engine.address)) return "";
  if (host.vector === ENDLESS && engine.vector === OUT_OF_BUDGET) return "";
  const lines: string[] = [];
  const check = (name: string, a: number, b: number) => {
    if (a >>> 0 !== b >>> 0) lines.push(`${name}: silicon ${hex(a)}, engine ${hex(b)}`);
  };
  check("vector", host.vector, engine.vector);
  check("eip", host.eip, engine.eip);
  if (host.vector === PF_VECTOR && engine.vector === PF_VECTOR && !one.torn) {
    check("fault address", host.address, engine.address);
    check("error code", host.error & ERROR_MASK, engine.error & ERROR_MASK);
  }
  // A fault leaves the flags alone: all of them are then defined.
  const mask = (host.vector === 3 ? one.flagMask : -1) & EFLAGS_MASK;
  check("eflags", host.eflags & mask, engine.eflags & mask);
  if (one.torn && host.vector !== 3) return lines.join("\n    ");
  host.registers.forEach((value, i) => {
    check(["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"][i], value, engine.registers[i]);
  });
  for (let i = 0; i < WINDOW_BYTES; i++) {
    if (host.memory[i] === engine.memory[i]) continue;
    check(`memory byte ${i}`, host.memory[i], engine.memory[i]);
    if (lines.length > 8) break;
  }
  return lines.join("\n    ");
}

function inMemory(address: number): boolean {
  return (address >= DATA && address < DATA + 3 * PAGE_SIZE) ||
    (address >= LOW && address < LOW + PAGE_SIZE);
}

function hex(value: number): string {
  return (value >>> 0).toString(16);
}

/** All of a case that a reader needs to reproduce it. */
export function describe(one: Case): string {
  const registers = [...one.registers].map(hex).join(" ");
  const code = [...one.code].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${one.text}\n    code ${code} at ${hex(one.eip)}\n    registers ${registers}` +
    ` eflags ${hex(one.eflags)}`;
}
