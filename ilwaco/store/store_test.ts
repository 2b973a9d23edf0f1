/**
 * The log store under sanitizers: on a disk that loses power, fails and forgets (tests/native/store_crash.c),
 * and on disks that somebody has made up (tests/native/store_forge.c).
 */

import { assertEquals } from "@std/assert";
import { fromRoot } from "../../guests/paths.ts";
import { sourcesIn } from "../../guests/library.ts";
import { hasTool } from "../../tests/tools.ts";

const ignore = !await hasTool("gcc", "the store is compiled with sanitizers");

/** Rounds of a program of tests/native with the store, DENALI_STORE_ROUNDS if that is set. */
async function withStore(source: string, rounds: number): Promise<void> {
  const program = await Deno.makeTempFile();
  try {
    const sources = [`tests/native/${source}`, ...await sourcesIn("ilwaco/store")];
    const flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"];
    flags.push("-fno-sanitize-recover=undefined", "-idirafter", fromRoot("ilwaco/include"));
    const run = async (name: string, ...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(name, { args }).output();
      const decoder = new TextDecoder();
      assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
    };
    await run("gcc", ...flags, "-o", program, ...sources.map(fromRoot));
    const count = Deno.env.get("DENALI_STORE_ROUNDS") ?? String(rounds);
    await run(program, count, String(1 + Math.floor(Math.random() * 1e6)));
  } finally {
    await Deno.remove(program);
  }
}

Deno.test({
  name: "a log is whole after any crash: what was flushed is there, and no record is torn",
  ignore,
  fn: () => withStore("store_crash.c", 120),
});

Deno.test({
  name:
    "a disk that somebody has made up is refused, or is a log that can be read and gone on with",
  ignore,
  fn: () => withStore("store_forge.c", 2000),
});
