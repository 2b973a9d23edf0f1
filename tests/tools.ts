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
