/** The verbs and routes of disks from outside: processes, and a server over its socket. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runDenali, withCliServer, withFolder } from "../testing/command_line.ts";
import { blockImage } from "../testing/block_guest.ts";

const BLOCK = 4096;
const POOL = ["--pool", "64M"];

Deno.test("run gives a VM files as disks, which keep what it wrote", () =>
  withFolder(async (folder) => {
    const image = `${folder}/blocks.elf`;
    await Deno.writeFile(image, await blockImage());
    await Deno.writeFile(`${folder}/data.img`, new Uint8Array(64 * BLOCK));
    await Deno.mkdir(`${folder}/folder`);
    const both = ["--disk", `${folder}/data.img`, "--disk", `${folder}/data.img:ro`];
    const first = await runDenali(
      ["run", "--disk", `${folder}/data.img`, image],
      "info\nmany 0 5\nflush 0\n",
    );
    assertEquals([first.code, first.stdout], [0, "ok 1 data:64:rw:0\nok\nok\n"]);
    const again = await runDenali(
      ["run", "--disk", `${folder}/data.img:ro`, image],
      "info\nread 0 0 64 5\nwrite 0 0 1 1\n",
    );
    assertEquals([again.code, again.stdout], [0, "ok 1 data:64:ro:0\nok\nerror 30\n"]);
    const wrong: [string[], string][] = [
      [both, "files with names of their own"],
      [["--disk", `${folder}/none.img`], "No such file"],
      [["--disk", `${folder}/folder`], "is no file"],
      [["--disk", `${folder}/data.img`, "--deterministic"], "expected no --disk"],
    ];
    for (const [options, message] of wrong) {
      const { code, stderr } = await runDenali(["run", ...options, image]);
      assertEquals(code, 127, stderr);
      assertStringIncludes(stderr, message);
    }
  }));

Deno.test("a disk is made, filled, attached, copied, enlarged, exported and removed by verbs", () =>
  withFolder(async (folder) => {
    const image = `${folder}/blocks.elf`;
    await Deno.writeFile(image, await blockImage());
    const content = Uint8Array.from({ length: 10 * BLOCK }, (_, i) => i * 31 + (i >> 12));
    await Deno.writeFile(`${folder}/content`, content);
    await withCliServer(
      [...POOL, "--data", `${folder}/data`, "--disk-max", "1M"],
      async ({ url, ok, fails }) => {
        assertEquals(await ok("disk", "create", "zeros", "256K"), "zeros\n");
        assertEquals(await ok("disk", "import", "content", `${folder}/content`), "content\n");
        assertEquals(await ok("disk", "ls", "-q"), "content\nzeros\n");
        assertStringIncludes(await fails("disk", "create", "big", "2M"), "at most 1M");
        assertStringIncludes(await fails("disk", "import", "big", image + "x"), "cannot be read");
        const [shown] = JSON.parse(await ok("disk", "inspect", "content"));
        assertEquals([shown.bytes, shown.vms], [10 * BLOCK, []]);

        await ok("create", "--name", "one", "--disk", "zeros", "--disk", "content:ro", image);
        const vm = JSON.parse(await ok("inspect", "one"));
        const disks = [{ name: "zeros", readOnly: false }, { name: "content", readOnly: true }];
        assertEquals((vm[0] ?? vm).disks, disks);
        assertMatch(await ok("disk", "ls"), /content\s+40K\s+40K\s+1:ro\nzeros\s+256K\s+0\s+1\n/);
        for (const disk of ["zeros", "content:ro"]) {
          const message = await fails("create", "--disk", disk.replace(":ro", ""), image);
          assertStringIncludes(message, "is attached to VM 1");
        }
        assertStringIncludes(await fails("create", "--disk", "none", image), 'no disk "none"');
        assertStringIncludes(await fails("disk", "rm", "zeros"), "cannot be removed");
        assertStringIncludes(await fails("disk", "resize", "zeros", "512K"), "cannot be resized");
        assertStringIncludes(await fails("disk", "export", "zeros", `${folder}/x`), "be copied");
        await ok("stop", "one");
        assertEquals(await ok("disk", "resize", "zeros", "512K"), "zeros\n");
        await ok("disk", "export", "zeros", `${folder}/sparse`);
        const { size, blocks } = await Deno.stat(`${folder}/sparse`);
        assertEquals([size, blocks], [512 << 10, 0]);
        assertStringIncludes(await fails("disk", "resize", "zeros", "256K"), "never shrinks");
        assertStringIncludes(await fails("disk", "rm", "zeros"), "cannot be removed");
        assertStringIncludes(await fails("update", "--disk", "none-such", "one"), "no disk");
        await ok("update", "--disk", "none", "one");
        assertMatch(await ok("disk", "ls"), /content\s+40K\s+40K\s+-\nzeros\s+512K\s+0\s+-\n/);
        await ok("update", "--disk", "zeros:ro", "one");
        assertMatch(await ok("disk", "ls"), /content\s+40K\s+40K\s+-\nzeros\s+512K\s+0\s+1:ro\n/);
        await ok("start", "one");
        assertStringIncludes(await fails("update", "--disk", "none", "one"), "stopped");
        await ok("rm", "--force", "one");

        assertEquals(await ok("disk", "clone", "content", "copy"), "copy\n");
        await ok("disk", "rm", "content", "zeros");
        await ok("disk", "export", "copy", `${folder}/exported`);
        assertEquals(await Deno.readFile(`${folder}/exported`), content);
        assertStringIncludes(
          await fails("disk", "export", "copy", `${folder}/exported`),
          "be made",
        );

        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
        const source = `${url}/v1/disks/copy/data`;
        await ok("disk", "import", "fetched", source, "--sha256", hash, "--size", "64K");
        const fetched = new Uint8Array(await (await fetch(`${url}/v1/disks/fetched/data`)).bytes());
        assertEquals([fetched.length, fetched.subarray(0, content.length)], [65536, content]);
        const small = ["disk", "import", "no", `${folder}/content`, "--size", "8K"];
        assertStringIncludes(await fails(...small), "size: got 8192, and 40960 bytes came");
        const wrong = await fails("disk", "import", "no", source, "--sha256", "0".repeat(64));
        assertStringIncludes(wrong, `sha256: ${source} has ${hash}`);
        const events = await (await fetch(`${url}/v1/events`)).text();
        for (const type of ["created", "imported", "resized", "deleted"]) {
          assertStringIncludes(events, `"disk.${type}"`);
        }
      },
    );
    // The next server finds them.
    await withCliServer([...POOL, "--data", `${folder}/data`], async ({ ok }) => {
      assertEquals(await ok("disk", "ls", "-q"), "copy\nfetched\n");
    });
  }));

Deno.test("a server without a place for disks says so, and runs VMs without them", () =>
  withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/blocks.elf`, await blockImage());
    await withCliServer([...POOL, "--swap", "0"], async ({ ok, fails }) => {
      assertStringIncludes(await fails("disk", "create", "a", "1M"), "expected a data folder (up");
      assertEquals(await ok("create", "--name", "b", `${folder}/blocks.elf`), "b\n");
    }, { TMPDIR: `${folder}/none` });
  }));

Deno.test("routes of disks refuse what is wrong by its field", () =>
  withFolder((folder) =>
    withCliServer([...POOL, "--data", folder], async ({ url, ok }) => {
      await ok("disk", "create", "a", "64K");
      const ask = async (method: string, path: string, body?: unknown) => {
        const raw = body instanceof Uint8Array;
        const type = raw ? "application/octet-stream" : "application/json";
        const response = await fetch(`${url}/v1/disks${path}`, {
          method,
          headers: body === undefined ? {} : { "content-type": type },
          body: body === undefined ? undefined : raw ? body as BodyInit : JSON.stringify(body),
        });
        const text = await response.text();
        const field = text === "" ? undefined : JSON.parse(text).field;
        return `${response.status} ${field}`;
      };
      const sha256 = "0".repeat(64);
      const cases: [string, string, unknown, string][] = [
        ["POST", "", {}, "400 name"],
        ["POST", "", { name: "A", size: 4096 }, "400 name"],
        ["POST", "", { name: "b", size: 1 }, "400 size"],
        ["POST", "", { name: "b", size: "64K", color: 1 }, "400 color"],
        ["POST", "", { name: "a", size: "64K" }, "409 name"],
        ["GET", "/none", undefined, "404 disk"],
        ["GET", "/a/making", undefined, "404 name"],
        ["PUT", "/a/data", new Uint8Array(10), "409 name"],
        ["PUT", "/b/data", new Uint8Array(0), "400 body"],
        ["PUT", "/b/data?size=x", new Uint8Array(10), "400 size"],
        ["PUT", "/B/data", new Uint8Array(10), "400 name"],
        ["POST", "/b/fetch", { url: "file:///etc/passwd", sha256 }, "400 url"],
        ["POST", "/b/fetch", { url: "http://x.invalid/", sha256: "1" }, "400 sha256"],
        ["POST", "/b/fetch", { url: "http://x.invalid/", sha256 }, "502 url"],
        ["POST", "/none/clone", { name: "b" }, "404 disk"],
        ["POST", "/a/clone", { name: "a" }, "409 name"],
        ["PATCH", "/a", { size: "4K" }, "400 bytes"],
        ["PATCH", "/none", { size: "4K" }, "404 disk"],
        ["DELETE", "/none", undefined, "404 disk"],
      ];
      for (const [method, path, body, expected] of cases) {
        assertEquals(await ask(method, path, body), expected, `${method} ${path}`);
      }
      assert((await ok("disk", "ls", "-q")) === "a\n");
    })
  ));

Deno.test("an import tells how far it is, keeps its name, and leaves nothing if the sender goes away", () =>
  withFolder((folder) =>
    withCliServer([...POOL, "--data", folder], async ({ url, ok, fails }) => {
      const sender = new AbortController();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const path = `${url}/v1/disks/slow`;
      const upload = fetch(`${path}/data?size=1M`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream" },
        body: readable,
        signal: sender.signal,
      }).catch(() => undefined);
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(100_000).fill(1));
      let making = { name: "", doneBytes: 0, bytes: null };
      while (making.doneBytes === 0) {
        const response = await fetch(`${path}/making`);
        if (response.status === 200) making = await response.json();
        else await response.body?.cancel();
      }
      assertEquals([making.name, making.bytes], ["slow", null]);
      assertStringIncludes(await fails("disk", "create", "slow", "64K"), "another disk");
      sender.abort();
      await upload;
      await writer.abort().catch(() => {});
      while (
        (await (await fetch(`${path}/making`)).json()).status !== 404
      ) { /* until it is noticed */ }
      assertEquals([...Deno.readDirSync(`${folder}/disks`)], []);
      assertEquals(await ok("disk", "ls", "-q"), "");
    })
  ));
