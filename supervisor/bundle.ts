/**
 * What goes into the single binary, and with which permissions it runs.
 *
 * `deno task compile` builds the guests and calls `deno compile` with exactly this; the test
 * `tests/bundle_test.ts` runs the program from a copy that holds nothing but these files, with these
 * flags, so that a missing file or permission fails there and not at a user's machine.
 *
 * `deno compile` fetches the matching runtime (denort) once; where it cannot be fetched, DENORT_BIN
 * names a local one.
 */

import { buildGuests } from "../guests/build.ts";
import { LIBC_PATHS } from "./uplink/libc.ts";

/** The flags the program runs with, each for the reason given. */
export const PERMISSIONS: readonly string[] = [
  "--cached-only", // or a worker without permissions could make Deno fetch any npm package
  "--allow-net", // the control endpoint and the published ports; cells get none of it
  "--allow-read", // images, disks and the data folder, wherever the operator put them
  "--allow-write", // the data folder and the files named by --report
  "--allow-env=DENALI_HOST,DENALI_TOKEN,DENALI_CA,NO_COLOR", // where the client verbs look for a server; plain output
  "--allow-sys=systemMemoryInfo,networkInterfaces", // how many cells' pools fit into this host; its own addresses, which VMs do not reach
  // The C library, for the TAP uplink: only its worker is given this, and only with --uplink tap.
  `--allow-ffi=${LIBC_PATHS.join(",")}`,
];

export const ENTRY = "main.ts";

/** Modules that are only reached as `new Worker(...)`. */
export const WORKERS: readonly string[] = [
  "supervisor/cell/worker.ts",
  "supervisor/swap/worker.ts",
  "supervisor/state/worker.ts",
  "supervisor/disk/worker.ts",
  "supervisor/uplink/worker.ts",
];

/** Where the binary is written. */
export const OUTPUT = "dist/denali";

/** Arguments of `deno` that make the binary from `guestImages` (paths relative to the repository). */
export function compileArguments(guestImages: readonly string[], output = OUTPUT): string[] {
  const included = [...WORKERS, ...guestImages].flatMap((path) => ["--include", path]);
  return ["compile", ...PERMISSIONS, ...included, "--output", output, ENTRY];
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url).pathname;
  const images = (await buildGuests()).map((path) => path.replace(root, ""));
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: compileArguments(images),
    cwd: root,
  }).spawn().status;
  if (code !== 0) {
    console.error(
      "deno compile failed. If it could not download its runtime (denort), download that for your " +
        "Deno version and platform by hand and set DENORT_BIN to its path.",
    );
  }
  Deno.exit(code);
}
