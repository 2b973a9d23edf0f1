import { assert, assertEquals, assertMatch } from "@std/assert";
import type { GatewayConnection } from "../gateway/gateway.ts";
import { type Loopback, loopback } from "../gateway/loopback.ts";
import { ADDRESS_B } from "../gateway/simulation.ts";
import { assertSameBytes, randomBytes } from "../gateway/simulation_streams.ts";
import { createIngress, type Ingress, ingressName, type IngressOptions } from "./ingress.ts";
import { until } from "../../tests/support/until.ts";
import { hasTool } from "../../tests/tools.ts";

const encoder = new TextEncoder();

/** One character per byte; TextDecoder's "latin1" is windows-1252. */
const decoder = {
  decode: (bytes: Uint8Array = new Uint8Array()) =>
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""),
};

interface Fixture {
  ingress: Ingress;
  link: Loopback;
  port: number;
  /** Requests as the VM saw them, and how many connections they came by. */
  seen: { heads: string[]; connections: number };
  fetch(path: string, init?: RequestInit, name?: string): Promise<Response>;
}

/** What the VM does with a request: the head is read, the rest is its business. */
type Serve = (
  connection: GatewayConnection,
  head: string,
  rest: Uint8Array,
) => Promise<void | "close">;

/** A VM "vm-1" behind an ingress in a real Deno.serve on 127.0.0.1. */
function ingressTest(
  name: string,
  serve: Serve | null,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<IngressOptions> = {},
  ignore = false,
): void {
  Deno.test(`ingress: ${name}`, { ignore }, async () => {
    const link = loopback();
    const seen: Fixture["seen"] = { heads: [], connections: 0 };
    if (serve !== null) link.b.listen(80, (connection) => void vm(connection, serve, seen));
    const ingress = createIngress({
      gateway: link.a,
      resolve: (vm) => vm === "vm-1" ? { address: ADDRESS_B, port: 80 } : undefined,
      ...options,
    });
    const hushed = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const server = Deno.serve(
      hushed,
      (request, info) => ingress(request, info as Parameters<Ingress>[1]),
    );
    const { port } = server.addr;
    // The system's resolver need not know *.localhost, so the name goes into the Host header.
    const client = Deno.createHttpClient({ allowHost: true });
    const fetchVm = (path: string, init: RequestInit = {}, name = "vm-1") => {
      const headers = new Headers(init.headers);
      headers.set("host", `${name}.localhost:${port}`);
      return fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers, client });
    };
    try {
      await body({ ingress, link, port, seen, fetch: fetchVm });
    } finally {
      client.close();
      ingress.close();
      await server.shutdown();
      link.close();
    }
  });
}

async function vm(connection: GatewayConnection, serve: Serve, seen: Fixture["seen"]) {
  seen.connections++;
  let text = "";
  try {
    for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
      text += decoder.decode(bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const head = text.slice(0, end);
      const rest = Uint8Array.from(text.slice(end + 4), (c) => c.charCodeAt(0));
      text = "";
      seen.heads.push(head);
      if (await serve(connection, head, rest) === "close") break;
    }
    await connection.closeWrite();
  } catch {
    connection.abort();
  }
}

function says(text: string, close = false): Serve {
  return async (connection) => {
    await connection.write(encoder.encode(text));
    if (close) return "close";
  };
}

const HELLO = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

Deno.test("a VM that has ended is answered for at once, with its state", async () => {
  const ingress = createIngress({
    gateway: { connect: () => Promise.reject(new Error("nobody may ask it")) },
    resolve: () => ({ address: ADDRESS_B, port: 80, down: "is crashed" }),
  });
  const response = await ingress(new Request("http://vm-1.localhost/"));
  assertEquals([response.status, await response.text()], [502, '"vm-1" is crashed\n']);
  ingress.close();
});

Deno.test("a VM that ends while it is asked is answered for with its state", async () => {
  let down: string | undefined;
  const ingress = createIngress({
    gateway: {
      connect: () => {
        down = "is crashed";
        return Promise.reject(new Error("gone"));
      },
    },
    resolve: () => ({ address: ADDRESS_B, port: 80, down }),
  });
  const response = await ingress(new Request("http://vm-1.localhost/"));
  assertEquals([response.status, await response.text()], [502, '"vm-1" is crashed\n']);
  ingress.close();
});

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

ingressTest("requests share kept connections", says(HELLO), async ({ fetch, seen, ingress }) => {
  for (let i = 0; i < 20; i++) assertEquals(await (await fetch("/")).text(), "hello");
  assertEquals(seen.connections, 1);
  assertEquals(ingress.idle(), 1);
});

ingressTest("an idle connection is closed", says(HELLO), async ({ fetch, ingress, link }) => {
  await (await fetch("/")).text();
  await until(() => ingress.idle() === 0, "the pool is empty");
  await until(() => link.b.stats().connections === 0, "the VM's connection is closed");
}, { idleMs: 30 });

ingressTest(
  "when too many connections are unused, the one unused for longest is closed",
  async (connection, head, rest) => {
    if (head.includes("/4 ")) gate.resolve();
    await gate.promise;
    await says(HELLO)(connection, head, rest);
  },
  async (
    { fetch, ingress, link, seen },
  ) => {
    gate = Promise.withResolvers();
    const answers = ["/1", "/2", "/3"].map(async (path) => await (await fetch(path)).text());
    await until(() => seen.connections === 3, "three connections are in use");
    await (await fetch("/4")).text();
    await Promise.all(answers);
    assertEquals([seen.connections, ingress.idle()], [4, 2]);
    await until(() => link.b.stats().connections === 2, "the VM's connections are closed");
  },
  { idleTotal: 2 },
);

ingressTest("a connection that the VM closes while idle leaves the pool", says(HELLO, true), async (
  { fetch, ingress, seen },
) => {
  assertEquals(await (await fetch("/")).text(), "hello");
  await until(() => ingress.idle() === 0, "the pool is empty");
  assertEquals(await (await fetch("/")).text(), "hello");
  assertEquals(seen.connections, 2);
});

Deno.test("ingress: a VM that boots is asked again until it listens, and one that has booted is not", async () => {
  const link = loopback();
  let booting = true, asked = 0;
  const ingress = createIngress({
    gateway: link.a,
    resolve: () => {
      asked++;
      return { address: ADDRESS_B, port: 80, booting };
    },
  });
  const headers = { host: "vm-1.localhost" };
  const get = () => ingress(new Request("http://vm-1.localhost/", { headers }));
  const answer = get();
  await until(() => asked > 3, "it is asked again");
  const seen = { heads: [], connections: 0 };
  const stop = link.b.listen(80, (connection) => void vm(connection, says(HELLO), seen));
  assertEquals(await (await answer).text(), "hello");
  stop();
  ingress.close();
  booting = false;
  const refused = await get();
  assertEquals(refused.status, 502);
  assertMatch(await refused.text(), /refused/);
  link.close();
});

let served = 0;
/** Answers the first request of each connection and drops the connection at the second. */
const forgetful: Serve = async (connection, head) => {
  if (head.includes("first")) return says(HELLO)(connection, head, new Uint8Array());
  served++;
  if (served === 1) {
    connection.abort();
    return "close";
  }
  await connection.write(encoder.encode(HELLO));
};

ingressTest(
  "a GET on a stale connection is sent again once",
  forgetful,
  async ({ fetch, seen }) => {
    served = 0;
    await (await fetch("/first")).text();
    assertEquals(await (await fetch("/second")).text(), "hello");
    assertEquals([seen.connections, served], [2, 2]);
  },
);

ingressTest("a POST on a stale connection is not sent again", forgetful, async ({ fetch }) => {
  served = 0;
  await (await fetch("/first")).text();
  const response = await fetch("/second", { method: "POST", body: "x" });
  assertEquals([response.status, served], [502, 1]);
  assertMatch(await response.text(), /"vm-1" broke off/);
});

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
let gate = Promise.withResolvers<void>();

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

ingressTest("an unknown name or host is answered 404 with the reason", says(HELLO), async (
  { port, fetch: fetchVm },
) => {
  const unknown = await fetchVm("/", {}, "vm-2");
  assertEquals([unknown.status, await unknown.text()], [404, 'there is no VM named "vm-2"\n']);
  const other = await fetch(`http://127.0.0.1:${port}/`);
  assertEquals(other.status, 404);
  assertMatch(await other.text(), /expected a host of the form NAME.localhost/);
});

ingressTest("a VM that refuses is answered 502 with the reason", null, async ({ fetch }) => {
  const response = await fetch("/");
  assertEquals(response.status, 502);
  assertMatch(await response.text(), /"vm-1" refused the connection: 10.0.0.2 port 80/);
});

const GARBAGE: [string, string][] = [
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  ["a signed length", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na"],
  ["an endless header", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}`],
  ["a bad status", "HTTP/1.1 999 Huh\r\nContent-Length: 0\r\n\r\n"],
  ["a protocol switch", "HTTP/1.1 101 No\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
];
for (const [what, text] of GARBAGE) {
  ingressTest(`a VM that answers ${what} is answered 502`, says(text, true), async (
    { fetch, link },
  ) => {
    const response = await fetch("/");
    assertEquals(response.status, 502);
    assertMatch(await response.text(), /"vm-1" /);
    await until(() => link.a.stats().connections === 0, "the connection is not kept");
  });
}

/** A VM's answers, cut off, doubled and with random bytes in random places; the same at every run. */
function* mutations(count: number): Generator<Uint8Array> {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const answers = [HELLO, chunked, `HTTP/1.1 100 Continue\r\n\r\n${HELLO}`, `${HELLO}${HELLO}`];
  const random = randomBytes(8 * count);
  for (let n = 0; n < count; n++) {
    const [which, cut, where, what, twice] = random.subarray(8 * n);
    const bytes = encoder.encode(answers[which % answers.length]);
    bytes[where % bytes.length] = what;
    if (twice % 3 === 0) bytes[(where * 7) % bytes.length] = cut;
    yield twice % 2 === 0 ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
  }
}

const mutated = mutations(600);
ingressTest("whatever a VM answers, the client is answered and no connection is left", async (
  connection,
) => {
  await connection.write(mutated.next().value ?? new Uint8Array());
  return "close";
}, async ({ fetch, link }) => {
  for (let n = 0; n < 300; n++) {
    const { status, body } = await fetch("/");
    assert(status >= 200 && status < 600, `status ${status}`);
    await body?.pipeTo(new WritableStream()).catch(() => {});
  }
  await until(() => link.a.stats().connections === 0, "every connection is closed");
});

ingressTest("a VM that closes without an answer is answered 502", says("", true), async (
  { fetch },
) => {
  const response = await fetch("/");
  assertEquals(response.status, 502);
  assertMatch(await response.text(), /broke off before it answered/);
});

ingressTest(
  "a body that is cut short breaks the client's download too",
  says(
    "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nonly this",
    true,
  ),
  async ({ fetch }) => {
    const response = await fetch("/");
    const outcome = await response.arrayBuffer().then(() => "whole", () => "broken");
    assertEquals(outcome, "broken");
  },
);

ingressTest("a VM that accepts and says nothing is answered 504", async () => {
  await new Promise(() => {});
}, async ({ fetch, link }) => {
  const response = await fetch("/");
  assertEquals(response.status, 504);
  assertMatch(await response.text(), /did not answer within 50 ms/);
  await until(() => link.a.stats().connections === 0, "the connection is not kept");
}, { firstByteTimeoutMs: 50 });

ingressTest("a VM that is dead on the network is answered 504", says(HELLO), async (
  { fetch, link },
) => {
  await (await fetch("/")).text();
  link.a.forget(ADDRESS_B);
  link.cut = true;
  const response = await fetch("/");
  assertEquals(response.status, 504);
  assertMatch(await response.text(), /does not answer/);
}, { connectTimeoutMs: 100 });

let ending = "";
ingressTest(
  "a client that hangs up aborts the VM's connection and no other",
  async (connection) => {
    const piece = new Uint8Array(65_536);
    await connection.write(encoder.encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    try {
      for (;;) {
        await connection.write(encoder.encode("10000\r\n"));
        await connection.write(piece);
        await connection.write(encoder.encode("\r\n"));
      }
    } catch (error) {
      ending = (error as { code: string }).code;
      throw error;
    }
  },
  async ({ fetch, link }) => {
    ending = "";
    const controller = new AbortController();
    const other = (await fetch("/")).body!.getReader();
    const response = await fetch("/", { signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort();
    await reader.closed.catch(() => {});
    await until(() => ending === "reset", "the VM's writer is told");
    assertEquals(link.a.stats().connections, 1);
    for (let i = 0; i < 20; i++) assert(!(await other.read()).done);
    await other.cancel();
    await until(() => link.a.stats().connections === 0, "the other ends with its client");
  },
);

ingressTest("a client that hangs up while it waits aborts the VM's connection", async () => {
  await new Promise(() => {});
}, async ({ fetch, link, seen }) => {
  const controller = new AbortController();
  const waiting = fetch("/", { signal: controller.signal }).catch(() => null);
  await until(() => seen.heads.length === 1, "the VM has the request");
  controller.abort();
  await waiting;
  await until(() => link.a.stats().connections === 0, "the connection is aborted");
});

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
