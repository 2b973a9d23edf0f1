import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSocket, type Socket } from "node:dgram";
import type { FlowEvents } from "./gateway/gateway.ts";
import { type Loopback, loopback } from "./gateway/loopback.ts";
import { ADDRESS_A, ADDRESS_B, Simulation } from "./gateway/simulation.ts";
import type { Published } from "./publish.ts";
import { publishDatagrams } from "./publish_datagrams.ts";
import { until } from "../tests/support/until.ts";

const HOST = { hostname: "127.0.0.1", port: 0 };

function publishTest(
  name: string,
  body: (published: Published, link: Loopback) => Promise<void>,
): void {
  Deno.test(`UDP publish: ${name}`, async () => {
    const link = loopback();
    const published = await publishDatagrams(link.a, HOST, { address: ADDRESS_B, port: 53 });
    try {
      await body(published, link);
    } finally {
      published.close();
    }
    assertEquals([published.stats.open, link.a.stats().flows], [0, 0]);
    link.close();
  });
}

/** A client with a socket of its own, and the texts that came back to it. */
function client({ port }: Published) {
  const socket = createSocket("udp4");
  const got: string[] = [];
  socket.on("message", (bytes) => got.push(new TextDecoder().decode(bytes)));
  return {
    got,
    send: (text: string) => socket.send(new TextEncoder().encode(text), port, "127.0.0.1"),
    close: () => socket.close(),
  };
}

function echo({ b }: Loopback): Map<number, number> {
  const ports = new Map<number, number>();
  b.bindUdp(53, (payload, from, reply) => {
    ports.set(from.port, (ports.get(from.port) ?? 0) + 1);
    reply(payload);
  });
  return ports;
}

publishTest("two hundred clients each get their own answers, and the VM tells them apart", async (
  published,
  link,
) => {
  const ports = echo(link);
  const clients = Array.from({ length: 200 }, () => client(published));
  for (const round of [1, 2]) {
    clients.forEach((one, index) => one.send(`client ${index} round ${round}`));
    await until(() => clients.every(({ got }) => got.length === round), "every answer");
  }
  clients.forEach(({ got, close }, index) => {
    assertEquals(got, [`client ${index} round 1`, `client ${index} round 2`]);
    close();
  });
  assertEquals(published.stats, { open: 200, accepted: 200, failed: 0 });
  assertEquals([...ports.values()], Array(200).fill(2));
});

publishTest(
  "a port of the VM that nobody has is counted, once for each client",
  async (published) => {
    const one = client(published);
    one.send("a");
    await until(() => published.stats.failed === 1, "the VM's refusal");
    one.send("b");
    const other = client(published);
    other.send("c");
    await until(() => published.stats.failed === 2, "the other's refusal");
    assertEquals([one.got, other.got, published.stats.accepted], [[], [], 2]);
    one.close();
    other.close();
  },
);

publishTest("a flood of clients is bounded: those that were silent for longest make room", async (
  published,
  link,
) => {
  echo(link);
  const first = client(published);
  first.send("before");
  await until(() => first.got.length === 1, "an answer");
  const many = Array.from({ length: 1100 }, () => createSocket("udp4"));
  for (let at = 0; at < many.length; at += 50) {
    for (const socket of many.slice(at, at + 50)) socket.send("x", published.port, "127.0.0.1");
    await until(() => published.stats.accepted >= at + 40, "the host takes them");
  }
  await until(() => published.stats.accepted > 1030, "more than there is room for");
  assertEquals([published.stats.open, link.a.stats().flows], [1024, 1024]);
  first.send("after");
  await until(() => first.got.length === 2, "a client that was forgotten is served again");
  for (const socket of many) socket.close();
  first.close();
});

Deno.test("UDP publish: a flood of one VM's clients takes no flow of another VM's", () => {
  const world = new Simulation();
  const gateway = world.gateway(ADDRESS_A, {});
  const ended: number[] = [];
  const open = (address: number) =>
    gateway.openFlow({ address, port: 53 }, {
      received: () => {},
      failed: () => {},
      ended: () => ended.push(address),
    })!;
  const honest = [open(ADDRESS_B + 1), open(ADDRESS_B + 1)];
  for (let n = 0; n < 6000; n++) open(ADDRESS_B);
  for (let n = 0; n < 100; n++) honest.push(open(ADDRESS_B + 1));
  assertEquals(new Set(ended), new Set([ADDRESS_B]));
  assert(gateway.stats().flows > 2000 && gateway.stats().flows <= 4096);
  for (const flow of honest) flow.close();
  gateway.close();
});

Deno.test("UDP publish: a client without a port is not heard, for it cannot be answered", async () => {
  const heard: string[] = [], listeners = new Map<string, (...values: unknown[]) => void>();
  const socket = {
    address: () => ({ address: "127.0.0.1", port: 53 }),
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    send: (_: Uint8Array, port: number) => {
      if (port === 0) throw new RangeError("Port should be > 0 and < 65536");
    },
    close: () => {},
  };
  // A VM that answers at once.
  const gateway = {
    openFlow: (_: unknown, events: FlowEvents) => ({
      port: 1,
      send(payload: Uint8Array) {
        heard.push(new TextDecoder().decode(payload));
        events.received(payload as Uint8Array<ArrayBuffer>);
        return true;
      },
      close: () => {},
    }),
  };
  const target = { address: ADDRESS_B, port: 53 };
  const open = () => Promise.resolve(socket as unknown as Socket);
  const published = await publishDatagrams(gateway, HOST, target, open);
  const from = (port: number) => ({ address: "192.0.2.1", port });
  for (const port of [0, 7]) {
    listeners.get("message")!(new TextEncoder().encode(`${port}`), from(port));
  }
  assertEquals(heard, ["7"]);
  published.close();
});

Deno.test("UDP publish: a port in use is refused with what to do", async () => {
  const link = loopback();
  const target = { address: ADDRESS_B, port: 53 };
  const { port, close } = await publishDatagrams(link.a, HOST, target);
  await assertRejects(
    () => publishDatagrams(link.a, { ...HOST, port }, target),
    Error,
    "the port is in use; stop the program that holds it or publish on another port",
  );
  close();
  link.close();
});

Deno.test("a flow of datagrams ends after a minute of silence, and hears one port of one VM", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  let ended = 0;
  const texts: string[] = [];
  const flow = a.openFlow({ address: ADDRESS_B, port: 53 }, {
    received: (bytes) => texts.push(new TextDecoder().decode(bytes)),
    failed: () => texts.push("failed"),
    ended: () => ended++,
  })!;
  let answer = (_text: string) => false;
  b.bindUdp(53, (_payload, _from, reply) => {
    answer = (text) => reply(new TextEncoder().encode(text));
  });
  assert(flow.send(new Uint8Array(1)), "the latest waits for the VM's MAC");
  await world.pass(59_000);
  assert(answer("late"));
  const stranger = b.openFlow({ address: 0x0a000001, port: flow.port }, {
    received: () => texts.push("heard"),
    failed: () => texts.push("a stranger is refused"),
    ended: () => {},
  })!;
  stranger.send(new Uint8Array(1));
  await world.pass(59_000);
  assertEquals([texts, ended], [["late", "a stranger is refused"], 0]);
  await world.pass(2000);
  assertEquals([ended, a.stats().flows, a.stats().timers], [1, 0, 0]);
  assertEquals(flow.send(new Uint8Array(1)), false);
});
