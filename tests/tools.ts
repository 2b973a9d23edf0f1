/**
 * Whether this machine has what a test needs. A test that lacks it is ignored, and the reason is
 * printed; `.ci/run` installs everything and lets no test be ignored.
 */

/** True if `name` is an executable on the PATH; otherwise says what needs it. */
export async function hasTool(name: string, why: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `command -v "$1"`, "sh", name],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) console.warn(`ignored here, because ${name} is not installed: ${why}`);
  return success;
}

/** True if gcc makes 32-bit programs for this Linux (Debian: gcc-multilib); otherwise says what needs it. */
export async function hasLibc32(why: string): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/x.c`, "#include <stdio.h>\nint main(void) { return 0; }\n");
    const { success } = await new Deno.Command("gcc", {
      args: ["-m32", `${folder}/x.c`, "-o", `${folder}/x`],
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) console.warn(`ignored here, because gcc-multilib is not installed: ${why}`);
    return success;
  } catch {
    console.warn(`ignored here, because gcc is not installed: ${why}`);
    return false;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
