/** Builds the simulation (simulation.h) with sanitizers, as 32-bit code, and runs it. */

import { fromRoot } from "../../../guests/paths.ts";

const SANITIZE = [
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=undefined",
  "-fno-sanitize=alignment", // the processor allows it, and headers on the wire need it
];
const FREESTANDING = ["-ffreestanding", "-fno-stack-protector", "-nostdinc"];
const HERE = "tests/native/simulation";

async function run(program: string, args: string[]): Promise<string> {
  const command = new Deno.Command(program, { args, cwd: fromRoot("."), stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  if (!success) {
    throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout).trim();
}

async function sources(): Promise<string[]> {
  const found = [
    "ilwaco/fd.c",
    "ilwaco/poll.c",
    "ilwaco/uio.c",
    "tests/native/net_nic.c",
    "tests/native/net_offload.c",
    `${HERE}/guest.c`,
  ];
  for await (const { name } of Deno.readDir(fromRoot("ilwaco/net"))) {
    if (/\.c$/.test(name) && !/^nic(_\w+)?\.c$/.test(name)) found.push(`ilwaco/net/${name}`);
  }
  return found;
}

async function compileStack(folder: string): Promise<void> {
  const headers = await run("gcc", ["-print-file-name=include"]);
  const flags = ["-m32", "-O1", "-g", "-msse2", "-mfpmath=sse", "-std=gnu11", "-fPIC"];
  const include = ["-isystem", headers, "-Iilwaco/include", "-include", `${HERE}/stack.h`];
  const waiting = await sources(), objects: string[] = [];
  const compileSome = async () => {
    for (let source = waiting.pop(); source; source = waiting.pop()) {
      const object = `${folder}/${source.replaceAll("/", "_")}.o`;
      objects.push(object);
      await run("gcc", [
        ...flags,
        ...SANITIZE,
        ...FREESTANDING,
        ...include,
        "-c",
        source,
        "-o",
        object,
      ]);
    }
  };
  await Promise.all([compileSome(), compileSome()]);
  const stack = `${folder}/stack.o`;
  await run("ld", ["-m", "elf_i386", "-r", ...objects, "-o", stack]);
  await run("objcopy", ["--redefine-syms=tests/native/net_port.symbols", stack]);
  await run("gcc", ["-m32", "-shared", ...SANITIZE, stack, "-o", `${folder}/stack0.so`]);
  await Deno.copyFile(`${folder}/stack0.so`, `${folder}/stack1.so`);
}

/** Leaves `simulation`, `stack0.so` and `stack1.so` in the folder. */
export async function buildSimulation(folder: string): Promise<void> {
  await compileStack(folder);
  const files = ["simulation", "link", "mutate"].map((name) => `${HERE}/${name}.c`);
  const flags = ["-m32", "-O1", "-g", "-rdynamic", ...SANITIZE];
  await run("gcc", [...flags, ...files, "-o", `${folder}/simulation`, "-ldl"]);
}

export interface Outcome {
  readonly success: boolean;
  readonly output: string;
  /** Memory blocks that each host's network still holds at the end. */
  readonly blocks: number[];
  /** Mutated frames sent. */
  readonly mutated: number;
}

/** Runs one simulation; a fault that a sanitizer finds makes it fail. */
export async function simulate(
  folder: string,
  settings: Readonly<Record<string, number | string>>,
): Promise<Outcome> {
  const args = [`${folder}/stack0.so`, `${folder}/stack1.so`];
  for (const [key, value] of Object.entries(settings)) args.push(`${key}=${value}`);
  const { success, stdout, stderr } = await new Deno.Command(`${folder}/simulation`, {
    args,
    env: {
      ASAN_OPTIONS: "detect_stack_use_after_return=0:detect_odr_violation=0:detect_leaks=0",
    },
    stderr: "piped",
    signal: AbortSignal.timeout(600_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  const blocks = [...text.matchAll(/blocks (\d+)/g)].map((found) => Number(found[1]));
  const mutated = Number(/mutated (\d+)/.exec(text)?.[1] ?? 0);
  return { success, output: text + new TextDecoder().decode(stderr), blocks, mutated };
}
