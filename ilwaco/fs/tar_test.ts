/** The tar file system under sanitizers, against plain tar: tests/native/tar_list.c. */

import { assert, assertEquals } from "@std/assert";
import { fromRoot } from "../../guests/paths.ts";
import { runTool } from "../../tests/support/guest_host.ts";
import { hasTool } from "../../tests/tools.ts";

const ignore = !await hasTool("gcc", "the file system is compiled with sanitizers") ||
  !await hasTool("tar", "it makes the archives");

/** Changed archives of each format, DENALI_TAR_ROUNDS if that is set. */
const ROUNDS = Deno.env.get("DENALI_TAR_ROUNDS") ?? "1500";

/** By format the longest path that it can tell, as tar splits it at a slash. */
const FORMATS = { v7: 99, ustar: 255, oldgnu: 4000, gnu: 4000, posix: 4000 };

const LONG = "n".repeat(90);
const FILES = [
  "a",
  "empty",
  "a b+\u00e4",
  `sub/${LONG}`,
  `sub/${"s".repeat(120)}/short`,
  `sub/${"s".repeat(120)}/${"t".repeat(140)}`,
  `${Array(9).fill("u".repeat(200)).join("/")}/deep`,
];

interface Bench {
  readonly folder: string;
  /** Lines of tar_list for an archive; with words: what it says of changed ones. */
  list(archive: string, ...words: string[]): Promise<string>;
  /** Makes an archive of those files that the format can tell, and some links; returns its path. */
  archive(format: keyof typeof FORMATS): Promise<string>;
}

async function withBench(test: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/tar_list`, site = `${folder}/site`;
    const sources = ["tests/native/tar_list.c", "ilwaco/store/crc.c"];
    for (const name of ["tar", "cache", "path"]) sources.push(`ilwaco/fs/${name}.c`);
    const flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"];
    flags.push("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined");
    flags.push("-idirafter", fromRoot("ilwaco/include"), "-o", program);
    assertEquals((await runTool("gcc", [...flags, ...sources.map(fromRoot)])).stderr, "");
    for (const path of FILES) {
      await Deno.mkdir(`${site}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(`${site}/${path}`, path === "empty" ? "" : path.repeat(50));
    }
    await Deno.link(`${site}/a`, `${site}/hard`);
    await Deno.symlink("a", `${site}/soft`);
    await test({
      folder,
      async list(archive, ...words) {
        const env = [`DENALI_DISK=${archive}`, program, ...words];
        const { code, stdout, stderr } = await runTool("env", env);
        assertEquals(code, 0, `${words}: ${stderr}`);
        return stdout;
      },
      async archive(format) {
        const names = FILES.filter((path) => path.length <= FORMATS[format]);
        const path = `${folder}/${format}.tar`;
        const what = [...names, "hard", "soft"];
        const made = await runTool("tar", [`--format=${format}`, "-cf", path, "-C", site, ...what]);
        assertEquals(made.stderr, "");
        const { size } = await Deno.stat(path);
        await Deno.truncate(path, Math.ceil(size / 4096) * 4096);
        return path;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name:
    "files of archives in each format of tar are found by their names, however long, and by hard links",
  ignore,
  fn: () =>
    withBench(async ({ list, archive }) => {
      for (const format of Object.keys(FORMATS) as (keyof typeof FORMATS)[]) {
        const expected = FILES.filter((path) => path.length <= FORMATS[format])
          .map((path) => `${path}|${path === "empty" ? 0 : new Blob([path]).size * 50}`);
        const lines = (await list(await archive(format))).trimEnd().split("\n");
        // A symbolic link is not followed: it may lead anywhere.
        const got = lines.map((line) => line.replace(/\|f\|(\d+)\|.*/, "|$1"));
        assertEquals(got.sort(), [...expected, "hard|50"].sort(), format);
        const content = (name: string) =>
          lines.find((line) => line.startsWith(`${name}|`))!.split("|")[4];
        assertEquals(content("hard"), content("a"));
      }
    }),
});

Deno.test({
  name: "an archive that is damaged, cut off or hostile is refused or read within its bounds",
  ignore,
  fn: () =>
    withBench(async ({ list, archive }) => {
      for (const format of Object.keys(FORMATS) as (keyof typeof FORMATS)[]) {
        const told = await list(
          await archive(format),
          ROUNDS,
          String(Math.floor(Math.random() * 1e6)),
        );
        assert(/^ok: [1-9]\d* refused/.test(told), told);
      }
    }),
});
