/** Assembles small guests for tests with the host's C compiler. */

import { CONSTANTS, INTERRUPTS, LAYOUT, PORTS, REGISTERS } from "../abi.ts";

const cache = new Map<string, Promise<Uint8Array>>();

/**
 * Assembles Intel syntax to an executable that starts at `_start`. Constants of the ABI are defined by
 * their names, the addresses of virtual registers as REG_ and their name, and `idle` and `terminate`
 * as macros.
 */
export function assemble(source: string): Promise<Uint8Array> {
  const known = cache.get(source);
  if (known) return known;
  const result = run(source);
  cache.set(source, result);
  return result;
}

function prelude(): string {
  const groups = { ...LAYOUT, ...PORTS, ...INTERRUPTS, ...CONSTANTS };
  const base = LAYOUT.REGISTERS_BASE.value;
  return [
    ".intel_syntax noprefix",
    ...Object.entries(groups).map(([name, { value }]) => `.equ ${name}, ${value}`),
    ...Object.entries(REGISTERS).map(([name, { offset }]) => `.equ REG_${name}, ${base + offset}`),
    ".macro idle\n.byte 0x0f, 0x0a, 0\n.endm",
    ".macro terminate\n.byte 0x0f, 0x0a, 1\n.endm",
    ".text\n.globl _start\n",
  ].join("\n");
}

async function run(source: string): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "denali-assemble-" });
  try {
    const [input, output] = [`${folder}/guest.s`, `${folder}/guest.elf`];
    await Deno.writeTextFile(input, prelude() + source + "\n");
    const flags = ["-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"];
    const layout = ["-Wl,-Ttext-segment=0x10000", "-Wl,-z,noexecstack"];
    const { success, stderr } = await new Deno.Command(await findCompiler(), {
      args: [...flags, ...layout, "-o", output, input],
    }).output();
    if (!success) throw new Error(`cannot assemble:\n${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function findCompiler(): Promise<string> {
  for (const name of ["gcc", "clang"]) {
    try {
      await new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
        .output();
      return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error("expected gcc or clang to assemble test guests: install the package gcc");
}
