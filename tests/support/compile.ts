/**
 * Compiles freestanding C for i386 with the host's gcc and loads it into a flat memory, to run single
 * functions on an engine without a kernel.
 */

import { createPool, FlatSpace } from "../../cpu/flat_space.ts";
import {
  type Engine,
  type EngineOptions,
  EXIT_BUDGET,
  EXIT_TERMINATE,
  type Pool,
} from "../../cpu/engine.ts";
import { CpuState, EAX, EIP, ESP, EXIT_ADDRESS, EXIT_VECTOR } from "../../cpu/state.ts";

/** How code for a guest without an operating system is compiled. */
export const FREESTANDING: readonly string[] = [
  ...["-m32", "-march=i686", "-msse2", "-mfpmath=sse", "-ffreestanding", "-fno-pic", "-fno-pie"],
  ...["-fno-stack-protector", "-fno-asynchronous-unwind-tables"],
];
const LINK = ["-nostdlib", "-static", "-no-pie", "-w"];
const LAYOUT = ["-Wl,--build-id=none", "-Wl,-Ttext-segment=0x10000", "-Wl,-e,main"];

/** Compiles `source` (which defines `int main(int)`) and returns the ELF file. */
export async function compile(source: string, optimisation: string): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/program.c`, source);
    const flags = [...FREESTANDING, ...LINK, ...LAYOUT, optimisation];
    await succeed("gcc", [...flags, "-o", "program", "program.c", "-lgcc"], folder);
    return await Deno.readFile(`${folder}/program`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const NATIVE_MAIN = `
#include <stdio.h>
#include <stdlib.h>
int program(int);
int main(int argc, char **argv) { return printf("%d", program(atoi(argv[1]))) < 0; }
`;

/** Compiles the same source for the host (i386 Linux) and returns what `main(argument)` gives there. */
export async function runNatively(
  source: string,
  optimisation: string,
  argument: number,
): Promise<number> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/program.c`, source.replace("int main(", "int program("));
    await Deno.writeTextFile(`${folder}/main.c`, NATIVE_MAIN);
    const flags = ["-m32", "-march=i686", "-msse2", "-mfpmath=sse", "-w", optimisation];
    await succeed("gcc", [...flags, "-o", "program", "program.c", "main.c"], folder);
    return Number(await succeed(`${folder}/program`, [String(argument)], folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function succeed(program: string, args: string[], cwd: string): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

const MEMORY = 16 << 20;
/** 0F 0A 01: terminate with EAX. */
const RETURN_STUB = [0x0f, 0x0a, 0x01];
const STUB_ADDRESS = 0x8000;

export interface Machine {
  readonly engine: Engine;
  readonly pool: Pool;
  readonly cpu: CpuState;
  readonly space: FlatSpace;
  readonly entry: number;
}

/** Loads an ELF file into a machine of its own. */
export function load(file: Uint8Array, createEngine: (options: EngineOptions) => Engine): Machine {
  const pool = createPool(MEMORY);
  const view = new DataView(file.buffer, file.byteOffset);
  const entry = view.getUint32(24, true);
  const headers = view.getUint32(28, true);
  for (let i = 0; i < view.getUint16(44, true); i++) {
    const header = headers + i * 32;
    if (view.getUint32(header, true) !== 1) continue;
    const offset = view.getUint32(header + 4, true);
    const address = view.getUint32(header + 8, true);
    pool.u8.set(file.subarray(offset, offset + view.getUint32(header + 16, true)), address);
  }
  pool.u8.set(RETURN_STUB, STUB_ADDRESS);
  const space = new FlatSpace(MEMORY >> 12);
  const engine = createEngine({ pool, timestamp: (cpu) => cpu.retired });
  space.codeCache = engine;
  return { engine, pool, cpu: new CpuState(), space, entry };
}

/** Calls `main(argument)`; returns its result. */
export function call(machine: Machine, argument: number, quantum = 1_000_000): number {
  const { engine, pool, cpu, space } = machine;
  const i32 = cpu.i32;
  // System V ABI: the arguments, behind the return address, start at a multiple of 16.
  const top = MEMORY - 64 - 4;
  pool.i32.set([STUB_ADDRESS, argument], top >> 2);
  i32[ESP] = top;
  i32[EIP] = machine.entry;
  for (;;) {
    engine.preparation = 0;
    const reason = engine.run(cpu, space, quantum);
    if (reason === EXIT_TERMINATE) return i32[EAX];
    if (reason !== EXIT_BUDGET) {
      throw new Error(
        `expected the program to end, got exit ${reason} vector ${i32[EXIT_VECTOR]} ` +
          `address ${(i32[EXIT_ADDRESS] >>> 0).toString(16)} at ${(i32[EIP] >>> 0).toString(16)}`,
      );
    }
  }
}
