/**
 * The guest builder: C sources to images that Denali runs.
 *
 *     deno task guests                              builds the guests of catalog.ts
 *     deno task guests build FILE.c... -o OUT.elf   compiles any C sources against Ilwaco
 *
 * What is built lies in `.cache/guests`, found again by content, and is never committed. Compilers'
 * messages are shown as they are.
 */

import { parseArgs } from "@std/cli/parse-args";
import { BuildError } from "./build_error.ts";
import { type Guest, GUESTS } from "./catalog.ts";
import {
  guestFlags,
  libraryFlags,
  librarySources,
  LINK_FLAGS,
  LINKER_SCRIPT,
  type Optimisation,
  OPTIMISATIONS,
  sourcesIn,
} from "./library.ts";
import {
  type CompiledObject,
  compileUnit,
  hash,
  type HeaderHashes,
  type Unit,
  writeAtomically,
} from "./object_cache.ts";
import { CACHE, fromRoot } from "./paths.ts";
import { progress } from "./progress.ts";
import { run, type Toolchain, toolchain } from "./toolchain.ts";

export { BuildError } from "./build_error.ts";
export { GUESTS } from "./catalog.ts";

const IMAGES = `${CACHE}images/`;
/** Compilers that run at once. */
const JOBS = 2;

export interface BuildOptions {
  /** Default -O2. The library is always compiled with -O2. */
  readonly optimisation?: Optimisation;
  /** More flags for the compiler, as "-DNAME=1", "-Ifolder" or "-Wall". */
  readonly flags?: readonly string[];
}

/** Builds guests of the catalog, all by default; returns the absolute paths of their images. */
export async function buildGuests(names?: readonly string[]): Promise<string[]> {
  const guests = names ? names.map(guestNamed) : GUESTS;
  const paths: string[] = [];
  for (const guest of guests) {
    const image = await buildImage(await guestSources(guest), { flags: ["-Wall", "-Wextra"] });
    const path = `${CACHE}${guest.name}.elf`;
    await writeAtomically(path, (temporary) => Deno.copyFile(image, temporary));
    paths.push(path);
  }
  return paths;
}

function guestNamed(name: string): Guest {
  const guest = GUESTS.find((candidate) => candidate.name === name);
  if (guest) return guest;
  const known = GUESTS.map((candidate) => candidate.name).join(", ");
  throw new BuildError(`no guest is called "${name}"; there are ${known}`);
}

async function guestSources(guest: Guest): Promise<string[]> {
  const sources: string[] = [];
  for (const path of guest.sources) {
    sources.push(...(/\.[cS]$/.test(path) ? [path] : await sourcesIn(path)));
  }
  return sources.map(fromRoot);
}

/** Compiles and links absolute paths of C sources; returns the absolute path of the image. */
export async function buildImage(
  sources: readonly string[],
  options: BuildOptions = {},
): Promise<string> {
  const tools = await toolchain();
  const flags = [...guestFlags(options.optimisation ?? "-O2"), ...options.flags ?? []];
  const library = (await librarySources()).map((source) => ({
    source: fromRoot(source),
    flags: libraryFlags(tools, source),
  }));
  const units = [...sources.map((source) => ({ source, flags })), ...library];
  const objects = await compileAll(tools, units);
  const own = objects.slice(0, sources.length), rest = objects.slice(sources.length);
  return await link(tools, own, await archive(tools, rest));
}

/** Compiles the units, JOBS at once; the results are in the order of the units. */
async function compileAll(tools: Toolchain, units: readonly Unit[]): Promise<CompiledObject[]> {
  const objects: CompiledObject[] = [];
  const headers: HeaderHashes = new Map();
  const bar = progress(units.length);
  let next = 0;
  async function worker(): Promise<void> {
    while (next < units.length) {
      const index = next++;
      bar.step(units[index].source);
      objects[index] = await compileUnit(tools, units[index], headers);
    }
  }
  const results = await Promise.allSettled(Array.from({ length: JOBS }, worker));
  bar.done();
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return objects;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Runs a tool whose output file is made in one piece. */
async function make(path: string, program: string, args: (output: string) => string[]) {
  await Deno.mkdir(IMAGES, { recursive: true });
  await writeAtomically(path, async (temporary) => {
    const result = await run(program, args(temporary));
    if (result?.code !== 0) {
      throw new BuildError(result?.stderr.trimEnd() ?? `${program}: not found`);
    }
  });
}

async function archive(tools: Toolchain, objects: CompiledObject[]): Promise<CompiledObject> {
  const key = await hash(tools.ar, ...objects.map((object) => object.key));
  const path = `${IMAGES}${key}.a`;
  if (!await exists(path)) {
    await make(path, tools.ar, (output) => ["rcsD", output, ...objects.map(({ path }) => path)]);
  }
  return { path, key };
}

async function link(
  tools: Toolchain,
  objects: CompiledObject[],
  library: CompiledObject,
): Promise<string> {
  const script = fromRoot(LINKER_SCRIPT);
  const flags = [...tools.target, ...LINK_FLAGS, `-Wl,-T,${script}`];
  const keys = [...objects.map((object) => object.key), library.key];
  const key = await hash(tools.identity, flags.join("\0"), await Deno.readFile(script), ...keys);
  const path = `${IMAGES}${key}.elf`;
  if (!await exists(path)) {
    const inputs = [...objects.map((object) => object.path), library.path];
    await make(path, tools.cc, (output) => [...flags, "-o", output, ...inputs]);
  }
  return path;
}

const USAGE = `usage: deno task guests [NAME...]
       deno task guests build FILE.c... -o OUT.elf [--opt ${
  OPTIMISATIONS.join("|")
}] [-D NAME=VALUE] [-I FOLDER]`;

/** Returns the exit status: 0, 1 if something does not compile, 2 for a bad command line. */
export async function main(args: string[]): Promise<number> {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(USAGE);
      return 0;
    }
    if (args[0] === "build") return await buildCommand(args.slice(1));
    const unknown = args.find((arg) => arg.startsWith("-"));
    if (unknown) return usage(`unknown option ${unknown}`);
    for (const path of await buildGuests(args.length ? args : undefined)) console.log(path);
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    return 1;
  }
}

function usage(reason: string): number {
  console.error(`guests: ${reason}\n${USAGE}`);
  return 2;
}

async function buildCommand(args: string[]): Promise<number> {
  let unknown = "";
  const options = parseArgs(args, {
    string: ["o", "opt", "D", "I"],
    collect: ["D", "I"],
    unknown: (arg: string) => {
      if (!arg.startsWith("-")) return true;
      unknown ||= arg;
      return false;
    },
  });
  const optimisation = (options.opt ?? "-O2").replace(/^(?=O)/, "-") as Optimisation;
  const sources = options._.map(String);
  if (unknown) return usage(`unknown option ${unknown}`);
  if (!sources.length) return usage("build: expected one or more C files");
  if (!options.o) return usage("build: expected -o OUT.elf");
  if (!OPTIMISATIONS.includes(optimisation)) {
    return usage(`build: expected --opt ${OPTIMISATIONS.join(", ")}, not "${options.opt}"`);
  }
  const flags = [
    ...(options.D as string[]).map((define) => `-D${define}`),
    ...(options.I as string[]).map((folder) => `-I${absolute(folder)}`),
  ];
  const image = await buildImage(sources.map(absolute), { optimisation, flags });
  try {
    await Deno.copyFile(image, options.o);
  } catch (error) {
    throw new BuildError(`${options.o}: cannot be written: ${(error as Error).message}`);
  }
  return 0;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
