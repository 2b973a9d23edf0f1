/**
 * The single binary, as far as it can be made without its runtime: `deno compile` embeds a file list,
 * and the program must run from nothing but these files with nothing but these permissions.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildGuests } from "../guests/build.ts";
import { compileArguments, ENTRY, PERMISSIONS, WORKERS } from "../supervisor/bundle.ts";

const ROOT = new URL("../", import.meta.url).pathname;

async function images(): Promise<string[]> {
  return (await buildGuests()).map((path) => path.replace(ROOT, ""));
}

/** Local modules that `entry` imports statically, relative to the repository. */
async function moduleGraph(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  return modules
    .map((module: { specifier: string }) => module.specifier)
    .filter((specifier: string) => specifier.startsWith(`file://${ROOT}`))
    .map((specifier: string) => specifier.slice(`file://${ROOT}`.length));
}

/** Copies what the binary embeds into an empty folder. */
async function embeddedCopy(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "denali-bundle-" });
  const graphs = await Promise.all([ENTRY, ...WORKERS].map(moduleGraph));
  const files = new Set([...graphs.flat(), ...await images(), "deno.json", "deno.lock"]);
  for (const file of files) {
    const target = `${folder}/${file}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(ROOT + file, target);
  }
  return folder;
}

Deno.test("the program runs from the embedded files with the embedded permissions", async () => {
  const folder = await embeddedCopy();
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...PERMISSIONS, ENTRY, "run", "hello"],
      cwd: folder,
      stdin: "null",
    }).output();
    const errors = new TextDecoder().decode(stderr);
    assertEquals({ code, errors }, { code: 0, errors: "" });
    assertStringIncludes(new TextDecoder().decode(stdout), "Hello from");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno compile takes the file list and embeds every guest and worker", async () => {
  const folder = await Deno.makeTempDir({ prefix: "denali-compile-" });
  try {
    const guests = await images();
    // Any executable serves as the runtime here: what is tested is everything but its download.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: compileArguments(guests, `${folder}/denali`),
      cwd: ROOT,
      env: { DENORT_BIN: Deno.execPath(), NO_COLOR: "1" },
    }).output();
    const log = new TextDecoder().decode(stderr);
    assertEquals(code, 0, log);
    for (const path of [...guests, ...WORKERS]) {
      assertStringIncludes(log, path.slice(path.lastIndexOf("/") + 1));
    }
    assert((await Deno.stat(`${folder}/denali`)).size > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the task `denali` has the permissions of the binary", async () => {
  const text = await Deno.readTextFile(ROOT + "deno.json");
  assertStringIncludes(text, `deno run ${PERMISSIONS.join(" ")} main.ts"`);
});
