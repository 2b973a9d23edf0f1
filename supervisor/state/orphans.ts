/** Files in a data folder that nothing refers to: what a process left that was killed, or a stranger. */

const OURS = [
  "images",
  "disks",
  "swap",
  "state.db",
  "state.db-wal",
  "state.db-shm",
  "state.db-reserve",
];

/**
 * Paths relative to the folder, sorted. `images`: names in its `images` that nothing refers to;
 * `disks`: the disks there are. Nothing is removed: it may be all that is left of something.
 */
export async function findOrphans(
  folder: string,
  images: readonly string[],
  disks: readonly { readonly name: string }[],
): Promise<string[]> {
  const known = new Set(disks.map(({ name }) => `${name}.disk`));
  const found = images.map((name) => `images/${name}`);
  for await (const { name } of Deno.readDir(folder)) if (!OURS.includes(name)) found.push(name);
  try {
    for await (const { name } of Deno.readDir(`${folder}/disks`)) {
      if (!known.has(name)) found.push(`disks/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}
