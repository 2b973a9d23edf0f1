/** What clients are told when a VM does not answer as it should, and who is told when a client goes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { loopback } from "../gateway/loopback.ts";
import { ADDRESS_B } from "../gateway/simulation.ts";
import { randomBytes } from "../gateway/simulation_streams.ts";
import { encoder, HELLO, ingressTest, says, serveRequests } from "../testing/ingress.ts";
import { until } from "../../tests/support/until.ts";
import { createIngress } from "./ingress.ts";

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

Deno.test("a VM that boots is asked again until it listens, and one that has booted is not", async () => {
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
  const stop = link.b.listen(80, (connection) => void serveRequests(connection, says(HELLO), seen));
  assertEquals(await (await answer).text(), "hello");
  stop();
  ingress.close();
  booting = false;
  const refused = await get();
  assertEquals(refused.status, 502);
  assertMatch(await refused.text(), /refused/);
  link.close();
});

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
