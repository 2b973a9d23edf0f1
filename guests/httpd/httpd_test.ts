/** httpd as its clients meet it: in a VM through a published port, and as a Linux program. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { documentBytes } from "../../tests/native/net_client.ts";
import { HttpConnection } from "../../tests/load/http_connection.ts";
import { attempts } from "../../tests/support/until.ts";
import { hasTool } from "../../tests/tools.ts";
import {
  GuestHost,
  nativeGuest,
  onVmAndLinux,
  prepare,
  runTool,
} from "../../tests/support/guest_host.ts";
import { fromRoot } from "../paths.ts";

const ignore = !await hasTool("gcc", "guests are compiled");
const noCurl = ignore || !await hasTool("curl", "a client of its own resumes downloads");
const noPython = ignore || !await hasTool("python3", "a client holds ten thousand connections");

if (!ignore) await prepare("httpd");
const native = ignore ? "" : await nativeGuest("httpd");
globalThis.addEventListener("unload", () => native && Deno.removeSync(native));
const decoder = new TextDecoder("latin1"), encoder = new TextEncoder();

function onBoth(env: Record<string, string>, test: (port: number) => Promise<void>): Promise<void> {
  return onVmAndLinux("httpd", native, { publish: [80], env }, test);
}

/** Sends bytes and returns all that comes until the server closes. */
async function exchange(port: number, text: string, close = true): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  if (text) await connection.write(encoder.encode(text));
  if (close) await connection.closeWrite();
  let all = "";
  const buffer = new Uint8Array(65536);
  for (;;) {
    const got = await connection.read(buffer).catch(() => null);
    if (got === null) break;
    all += decoder.decode(buffer.subarray(0, got));
  }
  connection.close();
  return all;
}

function get(target: string, ...fields: string[]): string {
  return [`GET ${target} HTTP/1.1`, "Host: h", ...fields, "", ""].join("\r\n");
}

const text = (first: number, end: number) => decoder.decode(documentBytes(end).subarray(first));

Deno.test({
  name: "a hundred pipelined requests are answered in their order on one connection",
  ignore,
  fn: () =>
    onBoth({}, async (port) => {
      const sizes = Array.from({ length: 100 }, (_, i) => (i * 7919) % 20_000);
      const sent = sizes.map((size) => get(`/doc?bytes=${size}`)).join("");
      let rest = await exchange(port, sent + get("/nowhere", "Connection: close"));
      for (const size of sizes) {
        assertStringIncludes(rest.slice(0, 400), `Content-Length: ${size}\r\n`);
        const body = rest.indexOf("\r\n\r\n") + 4;
        assert(rest.slice(body, body + size) === text(0, size), `a document of ${size} bytes`);
        rest = rest.slice(body + size);
      }
      assert(rest.startsWith("HTTP/1.1 404 "), rest);
    }),
});

Deno.test({
  name: "one range of bytes is served, a range outside is refused, and any other field is ignored",
  ignore,
  fn: () =>
    onBoth({}, async (port) => {
      const size = 1000, etag = '"doc-3e8"';
      const cases: [number, [number, number] | null, ...string[]][] = [
        [206, [0, 1], "Range: bytes=0-0"],
        [206, [100, 200], "Range: bytes=100-199"],
        [206, [999, 1000], "Range: bytes=999-"],
        [206, [900, 1000], "Range: bytes=900-5000"],
        [206, [0, 1000], "Range: bytes=0-99999999999999999999999999"],
        [206, [990, 1000], "Range: bytes=-10"],
        [206, [0, 1000], "Range: bytes=-5000"],
        [206, [3, 6], "Range: BYTES= 3-5 "],
        [206, [3, 6], "Range: bytes=3-5", `If-Range: ${etag}`],
        [416, null, "Range: bytes=1000-"],
        [416, null, "Range: bytes=18446744073709551616-"],
        [416, null, "Range: bytes=-0"],
        [200, [0, 1000], "Range: bytes=3-5,7-9"],
        [200, [0, 1000], "Range: bytes=5-3"],
        [200, [0, 1000], "Range: bytes=-"],
        [200, [0, 1000], "Range: bytes=x-5"],
        [200, [0, 1000], "Range: lines=1-2"],
        [200, [0, 1000], "Range: bytes=3-5", "Range: bytes=3-5"],
        [200, [0, 1000], "Range: bytes=3-5", 'If-Range: "other"'],
        [200, [0, 1000], "Range: bytes=3-5", `If-Range: W/${etag}`],
        [200, [0, 1000], "Range: bytes=3-5", "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"],
        [200, [0, 1000], 'If-None-Match: "other", W/"x"'],
        [304, null, `If-None-Match: "other", W/${etag}`],
        [304, null, "If-None-Match: *"],
      ];
      const sent = cases.map(([, , ...fields]) => get(`/doc?bytes=${size}`, ...fields)).join("");
      let rest = await exchange(port, sent);
      for (const [status, range, ...fields] of cases) {
        const end = rest.indexOf("\r\n\r\n") + 4, head = rest.slice(0, end);
        assertStringIncludes(head, `HTTP/1.1 ${status} `, fields.join());
        const length = Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0);
        const body = rest.slice(end, end + length);
        rest = rest.slice(end + length);
        if (range) assertEquals(body, text(...range), fields.join());
        const told = /Content-Range: (.*)\r/.exec(head)?.[1];
        const expected = status === 206
          ? `bytes ${range![0]}-${range![1] - 1}/${size}`
          : status === 416
          ? `bytes */${size}`
          : undefined;
        assertEquals(told, expected, fields.join());
        if (status === 304) assertStringIncludes(head, `ETag: ${etag}\r\n`);
      }
      assertEquals(rest, "");
    }),
});

Deno.test({
  name: "curl resumes a download where it broke off",
  ignore: noCurl,
  fn: () =>
    onBoth({}, async (port) => {
      const size = 300_000, file = await Deno.makeTempFile();
      await Deno.writeFile(file, documentBytes(size).subarray(0, 123_456));
      const url = `http://127.0.0.1:${port}/doc?bytes=${size}`;
      assertEquals((await runTool("curl", ["-sfS", "-C", "-", "-o", file, url])).code, 0);
      assertEquals(await Deno.readFile(file), documentBytes(size));
      await Deno.remove(file);
    }),
});

Deno.test({
  name: "HEAD has the fields of GET and no body, and an HTTP/1.0 client is kept if it asks for it",
  ignore,
  fn: () =>
    onBoth({}, async (port) => {
      const strip = (answer: string) => answer.replace(/Date: .*\r\n/, "");
      for (const target of ["/doc?bytes=50", "/nowhere"]) {
        const whole = strip(await exchange(port, get(target)));
        const head = strip(await exchange(port, get(target).replace("GET", "HEAD")));
        assertEquals(head, whole.slice(0, whole.indexOf("\r\n\r\n") + 4));
      }
      const old = "GET /doc?bytes=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
      const answers = await exchange(port, old + old);
      assertEquals(answers.match(/Connection: keep-alive\r\n/g)?.length, 2);
      assertStringIncludes(await exchange(port, "GET / HTTP/1.0\r\n\r\n", false), "name: ");
    }),
});

Deno.test({
  name: "what is no sound request is answered by its status, and the connection closed",
  ignore,
  fn: () =>
    onBoth({}, async (port) => {
      const cases: [number, string][] = [
        [400, "\0\0\0\0\r\n\r\n"],
        [400, "GET /\r\n\r\n"],
        [400, "GET / HTTP/1.1\r\n\r\n"],
        [400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
        [400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
        [400, "GET nothing HTTP/1.1\r\nHost: a\r\n\r\n"],
        [505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
        [414, `GET /${"x".repeat(9000)}`],
        [431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(9000)}`],
      ];
      for (const [status, request] of cases) {
        const answer = await exchange(port, request, false);
        assert(answer.startsWith(`HTTP/1.1 ${status} `), `${request.slice(0, 60)}: ${answer}`);
        assertStringIncludes(answer, "Connection: close\r\n");
      }
      const answers = await exchange(
        port,
        "POST / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/doc?bytes=-1"),
      );
      assertEquals(answers.match(/HTTP\/1.1 (\d+)/g), ["HTTP/1.1 405", "HTTP/1.1 400"]);
      const body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + get("/");
      assertEquals((await exchange(port, body)).match(/HTTP\/1.1 (\d+)/g), ["HTTP/1.1 405"]);
    }),
});

Deno.test({
  name: "a slow request, an idle connection and a client that does not read are not waited for",
  ignore,
  fn: () =>
    onBoth(
      { request_ms: "1000", idle_ms: "300", write_ms: "300", connections: "1" },
      async (port) => {
        // Who says nothing is closed without a word, and a machine may stand still before the first word.
        const answer = (request: string) =>
          attempts(() => exchange(port, request, false), (answer) => answer !== "");
        const slow = await answer("GET / HTTP/1.1\r\nHo");
        assert(slow.startsWith("HTTP/1.1 408 "), slow);
        const idle = await answer(get("/doc?bytes=3"));
        assert(idle.endsWith(text(0, 3)), idle);
        assertEquals(await exchange(port, "", false), "");
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        await connection.write(encoder.encode(get("/doc?bytes=100000000000")));
        // There is one place: another client is served when the one that does not read has lost it.
        assertStringIncludes(await answer(get("/doc?bytes=3")), text(0, 3));
        let taken = 0;
        const buffer = new Uint8Array(65536);
        for (;;) {
          const got = await connection.read(buffer).catch(() => null);
          if (got === null) break;
          taken += got;
        }
        assert(taken < 100_000_000, `${taken} bytes were kept for one that did not read`);
        connection.close();
      },
    ),
});

Deno.test({
  name: "a connection that idles behind a whole answer is kept as long as idle connections are",
  ignore,
  fn: () =>
    onBoth({ idle_ms: "60000", write_ms: "100", request_ms: "300" }, async (port) => {
      const connection = await HttpConnection.open({ hostname: "127.0.0.1", port });
      const status = async () => (await connection.get("/doc?bytes=3", "h")).status;
      assertEquals(await status(), 200);
      // Until another one has been given up, which takes longer than anybody may take to read.
      await exchange(port, "GET / HTTP/1.1\r\nHo", false);
      assertEquals(await status(), 200);
      connection.close();
    }),
});

Deno.test({
  name: "ten thousand idle connections fit into a VM of 64 MiB, and each is still served",
  ignore: noPython,
  fn: () =>
    GuestHost.use(async (host) => {
      const vm = await host.boot("httpd", {
        publish: [80],
        memory: 64 << 20,
        // However busy the machine is that runs this.
        env: { request_ms: "600000", idle_ms: "600000" },
      });
      await vm.says("listening");
      const COUNT = 10_000, script = fromRoot("tests/support/idle_clients.py");
      // The client and this process hold one descriptor for each connection.
      const command = `ulimit -n ${COUNT + 1000} && exec python3 ${script} ${vm.port} ${COUNT}`;
      const process = new Deno.Command("sh", {
        args: ["-c", command],
        stdin: "piped",
        stdout: "piped",
      })
        .spawn();
      const lines = process.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream()).getReader();
      assertEquals((await lines.read()).value, `open ${COUNT}`);
      const writer = process.stdin.getWriter();
      for (const number of [0, 5000, COUNT - 1]) {
        await writer.write(encoder.encode(`${number}\n`));
        assertEquals((await lines.read()).value, "HTTP/1.1 200 OK");
      }
      await writer.close();
      await lines.cancel();
      assertEquals((await process.status).code, 0);
    }),
});
