/** httpd with files: from a disk made by tar in a VM, from a folder on Linux. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { HttpConnection } from "../../tests/load/http_connection.ts";
import { hasTool } from "../../tests/tools.ts";
import {
  GuestHost,
  nativeGuest,
  prepare,
  runTool,
  startNative,
} from "../../tests/support/guest_host.ts";

const ignore = !await hasTool("gcc", "guests are compiled") ||
  !await hasTool("tar", "it makes the disk");
if (!ignore) await prepare("httpd");

const BIG = crypto.getRandomValues(new Uint8Array(60_000));

/** A folder with a site, removed afterwards. */
async function withSite(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const long = "n".repeat(120);
    await Deno.mkdir(`${folder}/site/sub/${long}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/site/index.html`, "<h1>front</h1>");
    await Deno.writeTextFile(`${folder}/site/sub/index.html`, "<h1>sub</h1>");
    await Deno.writeTextFile(`${folder}/site/empty.txt`, "");
    await Deno.writeTextFile(`${folder}/site/a b+\u00e4.css`, "body {}");
    await Deno.writeTextFile(`${folder}/site/sub/${long}/${long}.txt`, "deep");
    await Deno.writeTextFile(`${folder}/secret`, "not served");
    await Deno.symlink("../secret", `${folder}/site/link`);
    await Deno.writeFile(`${folder}/site/big.bin`, BIG);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function archive(folder: string, path: string, format: string): Promise<void> {
  const args = [`--format=${format}`, "-cf", path, "-C", `${folder}/site`, "."];
  assertEquals((await runTool("tar", args)).code, 0);
  const { size } = await Deno.stat(path);
  await Deno.truncate(path, Math.ceil(size / 4096) * 4096);
}

async function checkSite(port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}`, long = "n".repeat(120);
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(url + path, { headers, redirect: "manual" });
    const body = new Uint8Array(await answer.arrayBuffer());
    return { status: answer.status, body, text: new TextDecoder().decode(body), answer };
  };
  assertEquals((await get("/")).text, "<h1>front</h1>");
  assertEquals((await get("/sub/")).text, "<h1>sub</h1>");
  const moved = await get("/sub");
  assertEquals([moved.status, moved.answer.headers.get("location")], [301, "/sub/"]);
  const empty = await get("/empty.txt");
  assertEquals([empty.status, empty.text], [200, ""]);
  assertEquals(empty.answer.headers.get("content-type"), "text/plain; charset=utf-8");
  const odd = await get("/a%20b+%C3%A4.css?x=1");
  assertEquals([odd.status, odd.text], [200, "body {}"]);
  assertEquals(odd.answer.headers.get("content-type"), "text/css; charset=utf-8");
  assertEquals((await get(`/sub/${long}/${long}.txt`)).text, "deep");
  const big = await get("/big.bin");
  assertEquals(big.body, BIG);
  const etag = big.answer.headers.get("etag")!;
  const part = await get("/big.bin", { range: "bytes=30000-30999", "if-range": etag });
  assertEquals([part.status, part.body], [206, BIG.slice(30_000, 31_000)]);
  assertEquals((await get("/big.bin", { "if-none-match": etag })).status, 304);
  const all = await Promise.all(Array.from({ length: 8 }, () => get("/big.bin")));
  for (const { body } of all) assertEquals(body, BIG);
  for (const path of ["/nothing", "/index.html/x", "/doc/x", "/secret", "/big.bin/"]) {
    assertEquals((await get(path)).status, 404, path);
  }
  // A client that cleans paths would not send these.
  const connection = await HttpConnection.open({ hostname: "127.0.0.1", port });
  const hostile = ["/../secret", "/%2e%2e/secret", "/sub/..%2f..%2fsecret", "/%00", "/%zz", "/%"];
  for (const path of hostile) assertEquals((await connection.get(path, "h")).status, 400, path);
  connection.close();
}

Deno.test({
  name:
    "httpd serves the files of a disk made by tar, in each of its formats, and of a folder on Linux",
  ignore,
  fn: () =>
    withSite(async (folder) => {
      await GuestHost.use(async (host) => {
        for (const format of ["gnu", "pax"]) {
          const path = `${folder}/${format}.tar`;
          await archive(folder, path, format);
          const body = (await Deno.open(path)).readable;
          await host.importDisk(format, body, (await Deno.stat(path)).size);
          const disks = [{ name: format, readOnly: true }];
          const vm = await host.boot("httpd", { publish: [80], disks });
          await vm.says("listening");
          await checkSite(vm.port);
          // What tar leaves as a link is not there.
          const link = await fetch(`http://127.0.0.1:${vm.port}/link`);
          await link.body?.cancel();
          assertEquals(link.status, 404);
        }
        // One image for many, and one that is no archive.
        const disks = [{ name: "gnu", readOnly: true }];
        const twin = await host.boot("httpd", { publish: [80], disks });
        await twin.says("listening");
        await checkSite(twin.port);
        const noise = crypto.getRandomValues(new Uint8Array(8192));
        await host.importDisk("noise", new Blob([noise]).stream(), noise.length);
        const vm = await host.boot("httpd", { disks: [{ name: "noise", readOnly: true }] });
        const { code, console } = await vm.ended();
        assertEquals(code, 1);
        assertStringIncludes(console, "expected an archive made by tar");
      });
      const program = await nativeGuest("httpd");
      const native = await startNative(program, [], { port: "0", root: `${folder}/site` });
      await checkSite(native.port);
      await native.stop();
      await Deno.remove(program);
    }),
});
