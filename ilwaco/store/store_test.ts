/** The log store on a disk that loses power, fails and forgets: tests/native/store_crash.c. */

import { assertEquals } from "@std/assert";
import { fromRoot } from "../../guests/paths.ts";
import { sourcesIn } from "../../guests/library.ts";
import { hasTool } from "../../tests/tools.ts";

const ignore = !await hasTool("gcc", "the store is compiled with sanitizers");

Deno.test({
  name: "a log is whole after any crash: what was flushed is there, and no record is torn",
  ignore,
  fn: async () => {
    const program = await Deno.makeTempFile();
    try {
      const sources = ["tests/native/store_crash.c", ...await sourcesIn("ilwaco/store")];
      const flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"];
      flags.push("-fno-sanitize-recover=undefined", "-idirafter", fromRoot("ilwaco/include"));
      const run = async (name: string, ...args: string[]) => {
        const { code, stdout, stderr } = await new Deno.Command(name, { args }).output();
        const decoder = new TextDecoder();
        assertEquals(code, 0, decoder.decode(stdout) + decoder.decode(stderr));
      };
      await run("gcc", ...flags, "-o", program, ...sources.map(fromRoot));
      const rounds = Deno.env.get("DENALI_STORE_ROUNDS") ?? "120";
      await run(program, rounds, String(1 + Math.floor(Math.random() * 1e6)));
    } finally {
      await Deno.remove(program);
    }
  },
});
