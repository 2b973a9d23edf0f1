/**
 * Compiles C sources into objects, each only when something it depends on has changed.
 *
 * An object is found by the hash of the compiler, the flags and the source; beside it lies the list of
 * headers the compiler read (gcc -MMD) with their hashes. Files are written under another name and
 * renamed, so that two builds at once do not see halves.
 */

import { BuildError } from "./build_error.ts";
import { CACHE, fromRoot } from "./paths.ts";
import { run, type Toolchain } from "./toolchain.ts";
import { INCLUDE_FOLDER } from "./library.ts";

const OBJECTS = `${CACHE}objects/`;

/** What to compile and how. */
export interface Unit {
  /** Absolute path. */
  readonly source: string;
  readonly flags: readonly string[];
}

export interface CompiledObject {
  readonly path: string;
  /** Hash of everything that made it. */
  readonly key: string;
}

const encoder = new TextEncoder();

/** Hexadecimal SHA-256 of the parts, in order. */
export async function hash(...parts: (string | Uint8Array)[]): Promise<string> {
  const digests: Uint8Array[] = [];
  for (const part of parts) {
    const bytes = typeof part === "string" ? encoder.encode(part) : new Uint8Array(part);
    digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  }
  const all = new Uint8Array(digests.length * 32);
  digests.forEach((digest, i) => all.set(digest, i * 32));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return digest.toHex().slice(0, 40);
}

async function hashFile(path: string): Promise<string | undefined> {
  try {
    return await hash(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Header hashes of one build, so that each header is read once. */
export type HeaderHashes = Map<string, Promise<string | undefined>>;

function hashHeader(path: string, known: HeaderHashes): Promise<string | undefined> {
  let result = known.get(path);
  if (!result) known.set(path, result = hashFile(path));
  return result;
}

/** Runs `make` with a temporary path beside `path`, then moves the result there. */
export async function writeAtomically(
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await make(temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Returns the unit's object, compiled if need be. Throws BuildError with what the compiler said. */
export async function compileUnit(
  tools: Toolchain,
  unit: Unit,
  headers: HeaderHashes,
): Promise<CompiledObject> {
  const source = await hashFile(unit.source).catch((error) => {
    throw new BuildError(`${unit.source}: cannot be read: ${error.message}`);
  });
  if (!source) throw new BuildError(`${unit.source}: no such file`);
  const command = [
    ...tools.target,
    ...unit.flags,
    "-isystem",
    fromRoot(INCLUDE_FOLDER),
    "-isystem",
    tools.headers,
    "-c",
    unit.source,
  ];
  const base = await hash(tools.identity, command.join("\0"), source);
  const list = `${OBJECTS}${base}.json`;
  const known = await readDependencies(list, headers);
  if (known) return { path: objectPath(known), key: known };

  await Deno.mkdir(OBJECTS, { recursive: true });
  const temporary = `${OBJECTS}${base}.${crypto.randomUUID()}`, rule = `${temporary}.d`;
  try {
    const result = await run(tools.cc, [...command, "-MD", "-MF", rule, "-o", temporary]);
    if (result?.code !== 0) {
      throw new BuildError(result?.stderr.trimEnd() || `${tools.cc} ended without a word`);
    }
    if (result.stderr) console.error(result.stderr.trimEnd());
    const dependencies: Record<string, string> = {};
    for (const header of parseDependencies(await Deno.readTextFile(rule))) {
      dependencies[header] = await hashHeader(header, headers) ?? "";
    }
    const text = JSON.stringify(dependencies);
    const key = await hash(base, text);
    await Deno.rename(temporary, objectPath(key));
    await writeAtomically(
      list,
      (file) => Deno.writeTextFile(file, `{"key":"${key}","dependencies":${text}}`),
    );
    return { path: objectPath(key), key };
  } finally {
    for (const file of [temporary, rule]) await Deno.remove(file).catch(() => {});
  }
}

function objectPath(key: string): string {
  return `${OBJECTS}${key}.o`;
}

/** The key of the object that the list belongs to, if every header is still the same. */
async function readDependencies(list: string, headers: HeaderHashes): Promise<string | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(list);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { key, dependencies } = JSON.parse(text) as {
    key: string;
    dependencies: Record<string, string>;
  };
  for (const [header, expected] of Object.entries(dependencies)) {
    if (await hashHeader(header, headers) !== expected) return undefined;
  }
  return key;
}

/** The prerequisites of a make rule, without the first, which is the source. */
function parseDependencies(rule: string): string[] {
  const names = rule.replace(/^.*?:\s/s, "").replaceAll("\\\n", " ");
  return names.split(/(?<!\\)\s+/).filter(Boolean).map((name) => name.replaceAll("\\ ", " ")).slice(
    1,
  );
}
