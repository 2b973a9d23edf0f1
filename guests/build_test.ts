/** The guest builder as its users meet it: images, messages, exit statuses. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BuildError, buildGuests, buildImage, GUESTS } from "./build.ts";
import { fromRoot } from "./paths.ts";

const decoder = new TextDecoder();

async function guests(args: string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fromRoot("guests/build.ts"), ...args],
    env: { NO_COLOR: "1", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denali-build-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every guest of the catalog is built, and found again the second time", async () => {
  const paths = await buildGuests();
  assertEquals(paths.length, GUESTS.length);
  for (const path of paths) {
    const magic = (await Deno.readFile(path)).subarray(0, 4);
    assertEquals([...magic], [0x7f, 0x45, 0x4c, 0x46]);
  }
  const source = fromRoot("guests/hello.c");
  const image = await buildImage([source]), { mtime } = await Deno.stat(image);
  assertEquals(await buildImage([source]), image);
  assertEquals((await Deno.stat(image)).mtime, mtime);
});

Deno.test("a changed header makes another image, a restored one the first again", async () => {
  await withFolder(async (folder) => {
    const source = `${folder}/main.c`, header = `${folder}/value.h`;
    await Deno.writeTextFile(source, '#include "value.h"\nint main(void) { return VALUE; }\n');
    await Deno.writeTextFile(header, "#define VALUE 1\n");
    const first = await buildImage([source]);
    await Deno.writeTextFile(header, "#define VALUE 2\n");
    const second = await buildImage([source]);
    await Deno.writeTextFile(header, "#define VALUE 1\n");
    assert(first !== second);
    assertEquals(await buildImage([source]), first);
  });
});

Deno.test("images have a page-aligned segment each for code, constants and data", async () => {
  const file = await Deno.readFile(await buildImage([fromRoot("guests/hello.c")]));
  const view = new DataView(file.buffer);
  const offset = view.getUint32(28, true), count = view.getUint16(44, true);
  const segments = Array.from({ length: count }, (_, index) => {
    const at = offset + index * 32;
    return { address: view.getUint32(at + 8, true), flags: view.getUint32(at + 24, true) };
  });
  assertEquals(segments.map(({ flags }) => flags), [5, 4, 6]);
  assertEquals(segments[0].address, 0x10000);
  for (const { address } of segments) assertEquals(address % 4096, 0);
});

Deno.test("what the compiler says about an error is shown, and the exit status is 1", async () => {
  await withFolder(async (folder) => {
    const source = `${folder}/wrong.c`;
    await Deno.writeTextFile(source, "int main(void) { return undeclared; }\n");
    const { code, stderr } = await guests(["build", source, "-o", `${folder}/out.elf`]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, `${source}:1:`);
    assertStringIncludes(stderr, "undeclared");
  });
});

Deno.test("an undefined function is an error of the linker that names it", async () => {
  await withFolder(async (folder) => {
    const source = `${folder}/main.c`;
    await Deno.writeTextFile(source, "int nowhere(void);\nint main(void) { return nowhere(); }\n");
    const error = await assertRejects(() => buildImage([source]), BuildError);
    assertStringIncludes(error.message, "nowhere");
  });
});

Deno.test("a missing compiler is reported with the package to install", async () => {
  await withFolder(async (folder) => {
    const { code, stderr } = await guests(["hello"], { PATH: folder, CC: "" });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "gcc: not found");
    assertStringIncludes(stderr, "apt install gcc");
  });
});

Deno.test("what cannot be read or written is told by its path, and help is no mistake", async () => {
  await withFolder(async (folder) => {
    const source = `${folder}/main.c`;
    await Deno.writeTextFile(source, "int main(void) { return 0; }\n");
    const cases = [
      [folder, `${folder}/out.elf`, `${folder}: cannot be read: Is a directory`],
      [source, `${folder}/none/out.elf`, `${folder}/none/out.elf: cannot be written: No such file`],
    ];
    for (const [from, to, message] of cases) {
      const { code, stderr } = await guests(["build", from, "-o", to]);
      assertEquals(code, 1);
      assert(stderr.startsWith(message), stderr);
    }
  });
  const { code, stdout, stderr } = await guests(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "usage: deno task guests");
});

Deno.test("a wrong command line is answered with the usage and exit status 2", async () => {
  for (const args of [["build"], ["build", "a.c"], ["build", "a.c", "-o", "x", "--opt", "-O9"]]) {
    const { code, stderr } = await guests(args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "usage:");
  }
  assertEquals((await guests(["nobody"])).code, 1);
});
