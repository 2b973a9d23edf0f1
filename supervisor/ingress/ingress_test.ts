/** What passes an ingress, both ways. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertSameBytes, randomBytes } from "../gateway/simulation_streams.ts";
import { decoder, encoder, HELLO, ingressTest, says, type Serve } from "../testing/ingress.ts";
import { hasTool } from "../../tests/tools.ts";
import { ingressName } from "./ingress.ts";

Deno.test("the name of a VM is the first label of NAME.localhost", () => {
  assertEquals(ingressName("vm-42.localhost"), "vm-42");
  assertEquals(ingressName("VM-42.LocalHost:8080"), "vm-42");
  assertEquals(ingressName("a.localhost.:80"), "a");
  for (
    const other of ["localhost", "a.b.localhost", ".localhost", "-a.localhost", "a.localhost.evil"]
  ) {
    assertEquals(ingressName(other), undefined, other);
  }
  assertEquals(ingressName(null), undefined);
});

ingressTest(
  "a request reaches the VM with forwarded headers and without hop-by-hop ones",
  says(HELLO),
  async ({ fetch, seen, port }) => {
    const response = await fetch("/a/b?c=%20d", {
      headers: { "x-forwarded-for": "192.0.2.1", "x-custom": "1", te: "trailers" },
    });
    assertEquals([response.status, await response.text()], [200, "hello"]);
    const lines = seen.heads[0].split("\r\n").map((line) => line.toLowerCase());
    assertEquals(lines[0], "get /a/b?c=%20d http/1.1");
    assert(lines.includes(`host: vm-1.localhost:${port}`));
    assert(lines.includes("x-forwarded-for: 192.0.2.1, 127.0.0.1"));
    assert(lines.includes(`x-forwarded-host: vm-1.localhost:${port}`));
    assert(lines.includes("x-forwarded-proto: http"));
    assert(lines.includes("x-custom: 1"));
    assert(!lines.some((line) => line.startsWith("te:")));
    assertEquals(lines.filter((line) => line.startsWith("host:")).length, 1);
  },
);

const DOCUMENT = randomBytes(10_000_000);

const PART = DOCUMENT.subarray(0, 1_000_000);

const document: Serve = async (connection, head) => {
  const status = "HTTP/1.1 200 OK\r\n";
  if (head.includes("/length")) {
    await connection.write(encoder.encode(`${status}Content-Length: ${DOCUMENT.length}\r\n\r\n`));
    await connection.write(DOCUMENT);
  } else if (head.includes("/part")) {
    await connection.write(encoder.encode(`${status}Content-Length: ${PART.length}\r\n\r\n`));
    await connection.write(PART);
  } else if (head.includes("/chunked")) {
    await connection.write(encoder.encode(`${status}Transfer-Encoding: chunked\r\n\r\n`));
    for (let at = 0; at < DOCUMENT.length; at += 100_000) {
      await connection.write(encoder.encode("186a0\r\n"));
      await connection.write(DOCUMENT.subarray(at, at + 100_000));
      await connection.write(encoder.encode("\r\n"));
    }
    await connection.write(encoder.encode("0\r\n\r\n"));
  } else {
    await connection.write(encoder.encode(`${status}Connection: close\r\n\r\n`));
    await connection.write(DOCUMENT);
    return "close";
  }
};

for (const framing of ["length", "chunked", "close"]) {
  ingressTest(
    `ten megabytes framed by ${framing} arrive byte-exact`,
    document,
    async ({ fetch }) => {
      const response = await fetch(`/${framing}`);
      assertSameBytes(new Uint8Array(await response.arrayBuffer()), DOCUMENT);
    },
  );
}

/** Reads a body of known length or chunks, and answers with its bytes. */
const echo: Serve = async (connection, head, rest) => {
  const length = Number(head.match(/content-length: (\d+)/i)?.[1] ?? NaN);
  let text = decoder.decode(rest);
  while (isNaN(length) ? !text.endsWith("0\r\n\r\n") : text.length < length) {
    text += decoder.decode(await connection.read() ?? new Uint8Array());
  }
  if (isNaN(length)) text = unchunk(text);
  await connection.write(
    encoder.encode(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`),
  );
  await connection.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
};

function unchunk(text: string): string {
  let body = "";
  for (let at = 0;;) {
    const end = text.indexOf("\r\n", at);
    const length = parseInt(text.slice(at, end), 16);
    if (length === 0) return body;
    body += text.slice(end + 2, end + 2 + length);
    at = end + 4 + length;
  }
}

ingressTest("a request body of known length arrives byte-exact", echo, async ({ fetch, seen }) => {
  const body = randomBytes(300_000);
  const response = await fetch("/", { method: "POST", body });
  assertSameBytes(new Uint8Array(await response.arrayBuffer()), body);
  assertMatch(seen.heads[0], /content-length: 300000/i);
});

ingressTest("a streamed request body arrives chunked and byte-exact", echo, async (
  { fetch, seen },
) => {
  const body = randomBytes(300_000);
  const stream = new Blob([body]).stream();
  const response = await fetch("/", { method: "PUT", body: stream });
  assertSameBytes(new Uint8Array(await response.arrayBuffer()), body);
  assertMatch(seen.heads[0], /transfer-encoding: chunked/i);
});

let gate = Promise.withResolvers<void>();
ingressTest(
  "the first part of an answer arrives before the last is written",
  async (connection) => {
    const part = (text: string) => connection.write(encoder.encode(`3\r\n${text}\r\n`));
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    await part("one");
    await gate.promise;
    await part("two");
    await connection.write(encoder.encode("0\r\n\r\n"));
  },
  async ({ fetch }) => {
    gate = Promise.withResolvers();
    const reader = (await fetch("/")).body!.getReader();
    assertEquals(decoder.decode((await reader.read()).value), "one");
    gate.resolve();
    assertEquals(decoder.decode((await reader.read()).value), "two");
    assert((await reader.read()).done);
  },
);
ingressTest(
  "HEAD, 204, 304 and 1xx have no body and keep the connection",
  async (connection, head) => {
    if (head.startsWith("HEAD")) {
      await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"));
    } else if (head.includes("/204")) {
      await connection.write(encoder.encode("HTTP/1.1 204 No Content\r\n\r\n"));
    } else if (head.includes("/304")) {
      await connection.write(encoder.encode('HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'));
    } else await connection.write(encoder.encode(`HTTP/1.1 103 Early Hints\r\n\r\n${HELLO}`));
  },
  async ({ fetch, seen }) => {
    const head = await fetch("/", { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length"), await head.text()], [
      200,
      "1234",
      "",
    ]);
    const empty = await fetch("/204");
    assertEquals([empty.status, await empty.text()], [204, ""]);
    const same = await fetch("/304");
    assertEquals([same.status, same.headers.get("etag"), await same.text()], [304, '"1"', ""]);
    assertEquals(await (await fetch("/hints")).text(), "hello");
    assertEquals(seen.connections, 1);
  },
);

ingressTest(
  "several cookies stay several headers",
  says(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n" +
      "Content-Length: 0\r\n\r\n",
  ),
  async ({ fetch }) => {
    const response = await fetch("/");
    assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assertEquals(response.headers.get("x-hop"), null);
    await response.body?.cancel();
  },
);

const curlMissing = !await hasTool("curl", "the ingress is used by a real client");

ingressTest(
  "curl fetches by name with twenty connections at once",
  document,
  async ({ port }) => {
    const one = async () => {
      const url = `http://vm-1.localhost:${port}/part`;
      const args = ["-sS", "--resolve", `vm-1.localhost:${port}:127.0.0.1`, url];
      const { stdout, stderr } = await new Deno.Command("curl", { args }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      assertSameBytes(stdout, PART);
    };
    await Promise.all(Array.from({ length: 20 }, one));
  },
  {},
  curlMissing,
);
