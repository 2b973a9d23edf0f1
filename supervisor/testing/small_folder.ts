/** A file system with little room, for tests that fill it: a tmpfs, which takes `mount` and root. */

import { assert } from "@std/assert";

/**
 * Calls `test` with an empty folder that has `size` of room, as tmpfs takes it ("1m"), and with a function
 * that changes its mount options while it is used.
 */
export async function withSmallFolder(
  size: string,
  test: (folder: string, remount: (options: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denali-small-" });
  const run = async (program: string, ...args: string[]) =>
    assert((await new Deno.Command(program, { args }).output()).success, `${program} ${args}`);
  try {
    await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
    try {
      await test(folder, (options) => run("mount", "-o", `remount,${options}`, folder));
    } finally {
      await run("umount", "-l", folder);
    }
  } finally {
    await Deno.remove(folder);
  }
}
