/** Connections to VMs that are kept for the next request. */

import { assertEquals, assertMatch } from "@std/assert";
import { encoder, HELLO, ingressTest, says, type Serve } from "../testing/ingress.ts";
import { until } from "../../tests/support/until.ts";

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

let gate = Promise.withResolvers<void>();
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
