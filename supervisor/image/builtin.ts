/**
 * The guests that come with Denali: built by `deno task guests` into `.cache/guests`, or embedded in
 * the single binary under the same path beside this module.
 */

const FOLDER = new URL("../../.cache/guests/", import.meta.url);

interface GuestFile {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Changes when the file does. */
  readonly version: string;
  /** Of performance.now: until then nobody looks whether it has. */
  freshUntil: number;
}

/** So long a guest that was built again may go unnoticed, while VMs are made by the hundred. */
const FRESH_MS = 500;

/** Each guest is kept once, however many VMs are made from it. */
const read = new Map<string, GuestFile>();

/**
 * The image of a built-in guest (`hello`, `httpd` ...), or undefined if there is none of that name. The
 * same object as long as the file does not change.
 */
export async function guestImage(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) return undefined;
  const path = new URL(`${name}.elf`, FOLDER);
  const known = read.get(name);
  if (known !== undefined && performance.now() < known.freshUntil) return known.file;
  try {
    const { size, mtime } = await Deno.stat(path);
    const version = `${size} ${mtime?.getTime()}`;
    const freshUntil = performance.now() + FRESH_MS;
    if (known?.version === version) {
      known.freshUntil = freshUntil;
      return known.file;
    }
    const file = await Deno.readFile(path);
    // Another call may have been faster: then there must still be only one.
    const meanwhile = read.get(name);
    if (meanwhile?.version === version) return meanwhile.file;
    read.set(name, { file, version, freshUntil });
    return file;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Names of the built-in guests, sorted; empty if they were not built. */
export async function guestNames(): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(FOLDER)) {
      if (entry.isFile && entry.name.endsWith(".elf")) names.push(entry.name.slice(0, -4));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}
