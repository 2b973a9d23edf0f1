/**
 * The guests that come with Denali: built by `deno task guests` into `.cache/guests`, or embedded in
 * the single binary under the same path beside this module.
 */

const FOLDER = new URL("../../.cache/guests/", import.meta.url);

/** The image of a built-in guest (`hello`, `httpd` ...), or undefined if there is none of that name. */
export async function guestImage(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) return undefined;
  try {
    return await Deno.readFile(new URL(`${name}.elf`, FOLDER));
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
