/** Ilwaco as the builder sees it: which sources it has, and the flags each kind of source needs. */

import { fromRoot } from "./paths.ts";
import type { Toolchain } from "./toolchain.ts";

/** Optimisation levels a guest can be compiled with. */
export const OPTIMISATIONS = ["-O0", "-O1", "-O2", "-O3", "-Os"] as const;
export type Optimisation = typeof OPTIMISATIONS[number];

/** For everything that becomes part of an image. */
const CODE_FLAGS = [
  "-std=gnu11",
  "-march=i686",
  "-msse2",
  "-mfpmath=sse",
  "-g0",
  "-fno-pic",
  "-fno-pie",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
  "-ffunction-sections",
  "-fdata-sections",
  "-nostdinc",
];

const LIBRARY_FLAGS = [...CODE_FLAGS, "-O2", "-Wall", "-Wextra"];

/** What runs inside interrupt upcalls, before FPU and SSE state are saved. */
const UPCALL_SOURCES = /^ilwaco\/(core\/.*|runtime\/(divide|bits))\.c$/;

export const LINK_FLAGS = [
  "-static",
  "-nostdlib",
  "-no-pie",
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack",
];

export const LINKER_SCRIPT = "ilwaco/core/image.ld";
export const INCLUDE_FOLDER = "ilwaco/include";

/** Flags for a guest's own sources: hosted C, so that portable programs compile unmodified. */
export function guestFlags(optimisation: Optimisation): string[] {
  return [...CODE_FLAGS, optimisation];
}

/** Flags for a source of the library, given as a path from the repository's root. */
export function libraryFlags(tools: Toolchain, source: string): string[] {
  const flags = [...LIBRARY_FLAGS, ...tools.freestanding];
  if (!UPCALL_SOURCES.test(source)) return flags;
  return [...flags.filter((flag) => flag !== "-mfpmath=sse"), "-mgeneral-regs-only"];
}

/** All sources of the library, as paths from the repository's root, sorted. */
export async function librarySources(): Promise<string[]> {
  return await sourcesIn("ilwaco");
}

/** The C and assembler sources below a folder, as paths from the repository's root, sorted. */
export async function sourcesIn(folder: string): Promise<string[]> {
  const sources: string[] = [];
  for await (const entry of Deno.readDir(fromRoot(folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) sources.push(...await sourcesIn(path));
    else if (/\.[cS]$/.test(entry.name)) sources.push(path);
  }
  return sources.sort();
}
