import { assert, assertEquals } from "@std/assert";
import type { Gateway } from "./gateway.ts";
import { packetView } from "./checksum.ts";
import { emptyPacket, parseIpv4 } from "./ipv4.ts";
import { Reassembly } from "./ipv4_fragments.ts";
import { ADDRESS_A, ADDRESS_B, type LinkFaults, Simulation } from "./simulation.ts";
import { assertSameBytes, randomBytes } from "./simulation_streams.ts";
import { Timers } from "./timers.ts";

/** A sends from a flow, B echoes; `got` are the echoes. */
function echoes(world: Simulation, faults: LinkFaults = {}) {
  const [a, b] = world.pair(faults);
  const got: Uint8Array[] = [];
  b.bindUdp(7, (payload, _from, reply) => assert(reply(payload)));
  const flow = a.openFlow({ address: ADDRESS_B, port: 7 }, {
    received: (payload) => got.push(payload),
    failed: () => got.push(new Uint8Array(0)),
    ended: () => {},
  })!;
  return { a, b, flow, got };
}

Deno.test("datagrams of every size up to 65,507 bytes pass the gateway both ways, in fragments", async () => {
  const world = new Simulation();
  let largest = 0;
  world.tap = (frame) => (largest = Math.max(largest, frame.length)) > 0;
  const { a, b, flow, got } = echoes(world);
  for (const size of [1, 1471, 1472, 1473, 1480, 2952, 2953, 8000, 65_506, 65_507]) {
    const bytes = randomBytes(size);
    assert(flow.send(bytes));
    await world.pass(10);
    assertEquals(got.length, 1, `${size} bytes`);
    assertSameBytes(got.pop()!, bytes);
  }
  assertEquals(flow.send(new Uint8Array(65_508)), false);
  assertEquals(largest, 1514);
  for (const gateway of [a, b]) {
    const { reassembling, drops } = gateway.stats();
    assertEquals([reassembling, drops.fragment], [0, 0]);
  }
});

Deno.test("fragments that overtake each other or come twice are joined", async () => {
  const world = new Simulation(3);
  const { flow, got } = echoes(world, { reordering: 0.3, duplication: 0.1 });
  const sent = Array.from({ length: 50 }, () => randomBytes(20_000));
  for (const bytes of sent) {
    assert(flow.send(bytes));
    await world.pass(50);
  }
  // A doubled fragment that comes late begins a datagram that is never whole.
  assertEquals(got.length, 50);
  got.forEach((bytes, index) => assertSameBytes(bytes, sent[index]));
});

Deno.test("a datagram that lacks a fragment is given up after 15 seconds", async () => {
  const world = new Simulation();
  const { b, flow, got } = echoes(world);
  flow.send(new Uint8Array(1));
  await world.pass(10);
  let fragments = 0;
  world.tap = () => ++fragments !== 2;
  flow.send(new Uint8Array(5000));
  await world.pass(14_000);
  assert(b.stats().reassembling > 2000);
  await world.pass(2000);
  assertEquals([b.stats().reassembling, b.stats().drops.fragment, got.length], [0, 1, 1]);
});

/** A fragment from B to A of a UDP datagram to port 7, as a frame. */
function fragment(id: number, offset: number, length: number, more: boolean): Uint8Array {
  const frame = new Uint8Array(34 + length);
  const view = new DataView(frame.buffer);
  frame.set([2, 0x44, 0x4e, 0, 0, 1, 2, 0x44, 0x4e, 0, 0, 2, 8, 0, 0x45]);
  view.setUint16(16, 20 + length);
  view.setUint16(18, id);
  view.setUint16(20, (more ? 0x2000 : 0) | offset >> 3);
  frame.set([64, 17], 22);
  view.setUint32(26, ADDRESS_B);
  view.setUint32(30, ADDRESS_A);
  if (offset === 0) view.setUint32(34, (9 << 16) | 7);
  let total = 0;
  for (let at = 14; at < 34; at += 2) total += view.getUint16(at);
  view.setUint16(24, ~((total & 0xffff) + (total >>> 16)));
  return frame;
}

function receiver(world: Simulation): { gateway: Gateway; got: number[] } {
  const [gateway] = world.pair();
  const got: number[] = [];
  gateway.bindUdp(7, (payload) => got.push(payload.length));
  return { gateway, got };
}

Deno.test("fragments that overlap, end twice or are too many cost the datagram", async () => {
  const world = new Simulation();
  const { gateway, got } = receiver(world);
  const put = (...list: [number, number, number, boolean][]) =>
    list.forEach(([id, offset, length, more]) =>
      gateway.receive(fragment(id, offset, length, more))
    );
  put([1, 0, 16, true], [1, 8, 16, true]);
  put([2, 0, 16, true], [2, 32, 8, false], [2, 40, 8, false]);
  put([3, 16, 8, false], [3, 16, 16, true]);
  put([4, 0, 15, true]);
  put([5, 65_528, 8, false]);
  for (let i = 0; i < 200; i++) put([6, 16 * i, 8, true]);
  await world.pass(20_000);
  assertEquals(got, []);
  const { reassembling, timers, drops } = gateway.stats();
  assertEquals([reassembling, timers], [0, 0]);
  assert(drops.fragment >= 6);
});

Deno.test("a flood of fragments of one VM is bounded, and its whole datagrams still pass", async () => {
  const world = new Simulation();
  const { gateway, got } = receiver(world);
  let most = 0;
  for (let id = 0; id < 20_000; id++) {
    gateway.receive(fragment(id, 8 + 1480 * (id % 40), 1480, true));
    most = Math.max(most, gateway.stats().reassembling);
    if (id % 1000 > 0) continue;
    // UDP without a checksum: its length and nothing else must be right.
    const other = 40_000 + id;
    const first = fragment(other, 0, 1480, true);
    new DataView(first.buffer).setUint16(38, 1488);
    gateway.receive(first);
    gateway.receive(fragment(other, 1480, 8, false));
  }
  assert(most <= 256 * 1024, `${most} bytes`);
  assertEquals(got, Array(20).fill(1480));
  gateway.forget(ADDRESS_B);
  assertEquals(gateway.stats().reassembling, 0);
  await world.pass(60_000);
});

Deno.test("fragments of ten thousand VMs together are bounded, however small those were that came first", () => {
  const reassembly = new Reassembly(new Timers(() => 0, () => () => {}));
  const frame = packetView(1514), packet = emptyPacket();
  const put = (vm: number, id: number, offset: number, length: number) => {
    const bytes = fragment(id, offset, length, true);
    frame.bytes.set(bytes);
    assertEquals(parseIpv4(frame, bytes.length, packet), "fragment");
    assertEquals(reassembly.receive(frame, { ...packet, source: vm }, 0), null);
    assert(reassembly.bytes <= 16 * 2 ** 20, `${reassembly.bytes} bytes`);
  };
  for (let vm = 0; vm < 10_000; vm++) for (let id = 0; id < 8; id++) put(vm, id, 0, 8);
  for (let vm = 0; vm < 10_000; vm++) put(vm, 7, 8, 1480);
  assert(reassembly.bytes > 15 * 2 ** 20);
});
