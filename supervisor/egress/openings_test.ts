import { assertEquals } from "@std/assert";
import type { Socket } from "node:dgram";
import { Openings } from "./openings.ts";
import { EgressPolicy } from "./policy.ts";
import { parseEgressRule } from "./rules.ts";
import { TcpRelay } from "./tcp_relay.ts";
import { UdpRelay } from "./udp_relay.ts";

const GATEWAY = 0x0a000001, VM = 0x0a000002, OTHER = 0x0a000003;
const POLICY = new EgressPolicy([parseEgressRule("host:9")!], GATEWAY);
const DISCARD = { address: GATEWAY, port: 9 };

Deno.test("a VM that sends from another port each time opens sockets only so often", () => {
  let now = 0;
  const relay = new UdpRelay(POLICY, new Openings(10, 5, () => now));
  const send = (address: number, port: number) =>
    relay.decide(new Uint8Array(1), DISCARD, { address, port }, () => true);
  for (let port = 1; port <= 50; port++) assertEquals(send(VM, port), "taken");
  assertEquals([relay.stats.open, relay.stats.lost], [5, 45]);
  // Neither what it has opened already nor another VM suffers.
  for (let n = 0; n < 20; n++) send(VM, 1);
  send(OTHER, 1);
  assertEquals([relay.stats.open, relay.stats.lost], [6, 45]);
  now += 200_000;
  for (let port = 51; port <= 60; port++) send(VM, port);
  assertEquals([relay.stats.open, relay.stats.lost], [8, 53]);
  relay.close();
});

Deno.test("sockets that cannot be opened keep no others from sending", () => {
  const failures: (() => void)[] = [];
  let broken = true, sent = 0;
  const socket = {
    on(event: string, listener: () => void) {
      if (event === "error") failures.push(listener);
    },
    // As node:dgram: nobody is told of a datagram whose socket has no descriptor.
    send(...values: unknown[]) {
      if (broken) return;
      sent++;
      (values.at(-1) as (error: null) => void)(null);
    },
    close: () => {},
  };
  const openings = new Openings(1e6, 1e6, () => 0);
  const relay = new UdpRelay(POLICY, openings, () => socket as unknown as Socket);
  for (let n = 0; n < 5000; n++) {
    relay.decide(new Uint8Array(1), DISCARD, { address: VM, port: 1 + n }, () => true);
    failures.pop()!();
  }
  assertEquals([relay.stats.open, relay.stats.lost], [0, 5000]);
  broken = false;
  relay.decide(new Uint8Array(1), DISCARD, { address: VM, port: 1 }, () => true);
  assertEquals([sent, relay.stats.fromVm], [1, 1]);
  relay.close();
});

Deno.test("a VM that connects all the time has sockets opened only so often", async () => {
  const relay = new TcpRelay(POLICY, new Openings(10, 5, () => 0));
  const answers = [];
  for (let port = 1; port <= 20; port++) {
    answers.push(relay.decide(DISCARD, { address: VM, port }));
  }
  answers.push(relay.decide(DISCARD, { address: OTHER, port: 1 }));
  await Promise.all(answers);
  assertEquals(relay.stats.tooMany, 15);
  relay.close();
});
