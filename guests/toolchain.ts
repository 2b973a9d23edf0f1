/**
 * The host's C compiler and archiver.
 *
 * A guest needs neither a 32-bit libc nor a 32-bit libgcc on the host, only a compiler that makes i386
 * code and a linker for ELF: gcc on any x86-64 Linux, or clang.
 */

import { BuildError } from "./build_error.ts";

export interface Toolchain {
  readonly cc: string;
  readonly ar: string;
  /** Flags that select i386, different for gcc and clang. */
  readonly target: readonly string[];
  /** Flags for sources that define what the compiler takes for granted (memset and its like). */
  readonly freestanding: readonly string[];
  /** Folder of the compiler's own headers (stdarg.h, stddef.h, emmintrin.h ...). */
  readonly headers: string;
  /** Changes when another compiler would be used. */
  readonly identity: string;
}

const ADVICE = `Install one, or set $CC to a compiler that makes 32-bit x86 ELF code:
  Debian, Ubuntu   apt install gcc
  Fedora           dnf install gcc
  Alpine           apk add gcc binutils
  Arch             pacman -S gcc
macOS cannot link ELF with Apple's tools: use Linux (a container will do), or LLVM's clang with lld.`;

export async function run(
  program: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string } | undefined> {
  try {
    const command = new Deno.Command(program, { args: [...args], stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Why a program cannot be used, or undefined and what it is. */
async function probe(cc: string): Promise<Toolchain | string> {
  const version = await run(cc, ["--version"]);
  if (!version) return "not found";
  if (version.code !== 0) return `${cc} --version failed: ${version.stderr.trim()}`;
  const isClang = /\bclang\b/i.test(version.stdout);
  const target = isClang ? ["--target=i686-linux-gnu", "-m32"] : ["-m32"];
  // gcc would still turn the loop in such a function into a call of it.
  const loops = isClang ? [] : ["-fno-tree-loop-distribute-patterns"];
  const freestanding = ["-ffreestanding", ...loops];
  const attempt = await run(cc, [...target, "-c", "-x", "c", "-o", "/dev/null", "/dev/null"]);
  if (attempt?.code !== 0) return `cannot compile for i386: ${attempt?.stderr.trim()}`;
  const headers = (await run(cc, ["-print-file-name=include"]))?.stdout.trim() ?? "";
  const ar = await firstThatRuns([Deno.env.get("AR"), isClang ? "llvm-ar" : "ar", "ar", "llvm-ar"]);
  if (!ar) return "no archiver (ar) found; it is in the package binutils";
  return { cc, ar, target, freestanding, headers, identity: `${cc}\n${version.stdout}` };
}

async function firstThatRuns(programs: (string | undefined)[]): Promise<string | undefined> {
  for (const program of programs) {
    if (program && (await run(program, ["--version"]))?.code === 0) return program;
  }
  return undefined;
}

let found: Promise<Toolchain> | undefined;

/** The compiler to use: $CC, gcc or clang, the first that makes i386 code. Throws BuildError. */
export function toolchain(): Promise<Toolchain> {
  return found ??= find();
}

async function find(): Promise<Toolchain> {
  const chosen = Deno.env.get("CC");
  const failures: string[] = [];
  for (const cc of chosen ? [chosen] : ["gcc", "clang"]) {
    const result = await probe(cc);
    if (typeof result !== "string") return result;
    failures.push(`  ${cc}: ${result}`);
  }
  throw new BuildError(
    `No C compiler that makes 32-bit x86 code:\n${failures.join("\n")}\n${ADVICE}`,
  );
}
