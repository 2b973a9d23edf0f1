/**
 * Builds one program of tests/programs for every executor.
 *
 * Constraint: what is compared must be the same instructions, so the program is compiled once, and the one
 * object file is linked three times: with a Linux loop, with a Multiboot loop, and alone. The image for a VM
 * comes from the guest builder, which compiles for itself, with the same flags for the processor.
 */

import { buildImage } from "../../../guests/build.ts";
import { FREESTANDING } from "../../support/compile.ts";

const FOLDER = new URL("guest/", import.meta.url).pathname;
const PROGRAMS = new URL("../../programs/", import.meta.url).pathname;

const COMMON = ["-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none"];

/** Paths of the three files. */
export interface BuiltProgram {
  /** A static i386 Linux program that answers lines on stdin. */
  readonly linux: string;
  /** A Multiboot kernel that answers lines on COM1. */
  readonly multiboot: string;
  /** An ELF file whose entry is `int program(int)`. */
  readonly bare: string;
  /** A guest of Denali that answers lines on its console. */
  readonly image: string;
}

/** Builds tests/programs/NAME.c into `folder`, which the caller removes. Throws with gcc's message. */
export async function buildProgram(name: string, folder: string): Promise<BuiltProgram> {
  const at = (kind: string) => `${folder}/${name}.${kind}`;
  const source = `${PROGRAMS}${name}.c`;
  await gcc([...FREESTANDING, "-O2", "-w", "-Dmain=program", "-c", source, "-o", at("o")]);
  const serve = [...FREESTANDING, "-O2", `${FOLDER}serve.c`];
  const loaded = ["-Wl,-Ttext-segment=0x100000", "-Wl,-z,noseparate-code"];
  await Promise.all([
    gcc([...COMMON, ...serve, `${FOLDER}linux.S`, at("o"), "-lgcc", "-o", at("linux")]),
    gcc([...COMMON, ...loaded, ...serve, `${FOLDER}multiboot.S`, at("o"), "-lgcc", "-o", at("mb")]),
    gcc([
      ...COMMON,
      "-Wl,-Ttext-segment=0x10000",
      "-Wl,-e,program",
      at("o"),
      "-lgcc",
      "-o",
      at("bare"),
    ]),
  ]);
  const guest = at("guest.c");
  await Deno.writeTextFile(guest, `#define main program\n#include "${source}"\n`);
  const image = await buildImage([guest, `${FOLDER}serve.c`, `${FOLDER}ilwaco.c`], {
    flags: ["-w"],
  });
  return { linux: at("linux"), multiboot: at("mb"), bare: at("bare"), image };
}

async function gcc(args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("gcc", { args, stderr: "piped" }).output();
  if (!success) throw new Error(`gcc failed: ${new TextDecoder().decode(stderr)}`);
}
