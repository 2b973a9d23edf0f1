import { assert, assertEquals, assertRejects } from "@std/assert";
import { type GatewayConnection, GatewayError, type GatewayStats } from "./gateway.ts";
import { ReceiveQueue } from "./tcp_receive_queue.ts";
import { ADDRESS_B, type LinkFaults, Simulation } from "./simulation.ts";
import {
  assertSameBytes,
  collect,
  connectPair,
  randomBytes,
  transmit,
} from "./simulation_streams.ts";

const MEGABYTE = 1 << 20;

/** Sends bytes both ways at once and checks that both sides are left clean. */
async function exchange(
  seed: number,
  faults: LinkFaults,
  size: number,
  offload = false,
): Promise<GatewayStats> {
  const world = new Simulation(seed);
  const [a, b] = world.pair(faults, { offload });
  const { client, server } = await connectPair(world, a, b);
  const up = randomBytes(size, seed);
  const down = randomBytes(size + 12_345, seed + 1);
  const [atServer, atClient] = await world.run(Promise.all([
    collect(server),
    collect(client),
    transmit(client, up),
    transmit(server, down),
  ]));
  assertSameBytes(atServer, up);
  assertSameBytes(atClient, down);
  await world.pass(120_000);
  for (const gateway of [a, b]) {
    const { connections, unread, timers } = gateway.stats();
    assertEquals({ connections, unread, timers }, { connections: 0, unread: 0, timers: 0 });
  }
  return a.stats();
}

Deno.test("megabytes arrive byte-exact both ways over a clean link without a retransmission", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  const bytes = randomBytes(4 * MEGABYTE);
  const [received] = await world.run(Promise.all([collect(server), transmit(client, bytes)]));
  assertSameBytes(received, bytes);
  assertEquals(a.stats().tcp.retransmissions, 0);
  await exchange(1, {}, MEGABYTE);
});

Deno.test("where the link cuts segments and checks nothing, a few large ones carry megabytes exactly", async () => {
  const faults = { loss: 0.02, duplication: 0.05, reordering: 0.1 };
  for (const completes of [false, true]) {
    const plain = await exchange(1, {}, MEGABYTE);
    const large = await exchange(1, { completes }, MEGABYTE, true);
    assertEquals(large.drops.checksum, 0);
    assert(large.framesOut * 4 < plain.framesOut, `${large.framesOut} of ${plain.framesOut}`);
    await exchange(2, { ...faults, completes }, MEGABYTE, true);
  }
});

const HOSTILE_LINKS: [string, LinkFaults][] = [
  ["loses 1 % of its frames", { loss: 0.01 }],
  ["loses 15 % of its frames", { loss: 0.15 }],
  ["duplicates frames", { duplication: 0.2 }],
  ["reorders frames", { reordering: 0.2 }],
  ["flips bits", { corruption: 0.05 }],
  ["has room for four frames", { capacity: 4 }],
  ["is slow", { delay: 120 }],
  ["does all of that", {
    loss: 0.03,
    duplication: 0.03,
    reordering: 0.1,
    corruption: 0.02,
    capacity: 20,
    delay: 5,
  }],
];

for (const [what, faults] of HOSTILE_LINKS) {
  Deno.test(`bytes arrive exact and both sides end clean over a link that ${what}`, async () => {
    for (const seed of [1, 2, 3]) await exchange(seed, faults, 200_000);
  });
}

Deno.test("a peer that does not scale windows gets no acknowledgement of its own for each small answer", async () => {
  const world = new Simulation();
  const [a, b] = world.pair({}, { offload: true });
  const FLAGS = 47, SCALE_OPTION = 62, SYN = 2, NOP = 1;
  world.tap = (frame) => {
    if ((frame[FLAGS] & SYN) !== 0) frame.fill(NOP, SCALE_OPTION, SCALE_OPTION + 4);
    return true;
  };
  const { client, server } = await connectPair(world, a, b);
  const received = collect(client);
  // A reader that keeps up would get a larger window, if that could be said.
  for (let i = 0; i < 32; i++) await world.run(server.write(randomBytes(65_536)));
  await world.pass(100);
  const before = a.stats().tcp.segmentsOut;
  for (let i = 0; i < 300; i++) {
    await server.write(randomBytes(500));
    await world.pass(1);
  }
  const sent = a.stats().tcp.segmentsOut - before;
  assert(sent <= 60, `${sent} acknowledgements`);
  client.abort();
  await world.run(received.catch(() => {}));
});

Deno.test("losing one segment costs a fast retransmission, not a timeout", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  let full = 0;
  world.tap = (frame, from) => from !== 0 || frame.length < 1514 || ++full !== 40;
  const bytes = randomBytes(300_000);
  const [received] = await world.run(Promise.all([collect(server), transmit(client, bytes)]));
  assertSameBytes(received, bytes);
  const { fastRetransmissions, retransmissions, timeouts } = a.stats().tcp;
  assertEquals({ fastRetransmissions, retransmissions, timeouts }, {
    fastRetransmissions: 1,
    retransmissions: 1,
    timeouts: 0,
  });
});

Deno.test("half-close: the side that sent FIN goes on reading", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  await client.closeWrite();
  assertEquals(await world.run(server.read()), null);
  await world.pass(300_000);
  const bytes = randomBytes(500_000);
  const [received] = await world.run(Promise.all([collect(client), transmit(server, bytes)]));
  assertSameBytes(received, bytes);
  await assertRejects(() => client.write(bytes), GatewayError, "after closeWrite");
});

Deno.test("both sides closing at once end clean", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  await Promise.all([client.closeWrite(), server.closeWrite()]);
  assertEquals(await world.run(Promise.all([client.read(), server.read()])), [null, null]);
  await world.pass(1);
  assertEquals([a.stats().timeWait, b.stats().timeWait], [1, 1]);
  await world.pass(5000);
  assertEquals([a.stats().connections, b.stats().connections], [0, 0]);
});

Deno.test("abort resets the peer, which first reads what had arrived", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  await server.write(new Uint8Array([1, 2, 3]));
  await world.pass(100);
  server.abort();
  await world.pass(100);
  assertEquals(await client.read(), new Uint8Array([1, 2, 3]));
  const error = await assertRejects(() => client.read(), GatewayError);
  assertEquals(error.code, "reset");
  await assertRejects(() => client.write(new Uint8Array(1)), GatewayError, "reset");
  await assertRejects(() => server.read(), GatewayError, "aborted");
  assertEquals([a.stats().connections, b.stats().connections], [0, 0]);
  assertEquals([a.stats().unread, b.stats().unread], [0, 0]);
});

Deno.test("close sends FIN, resets a peer that goes on sending, and waits for none for ever", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const polite = await connectPair(world, a, b);
  await polite.client.write(new Uint8Array([1]));
  polite.client.close();
  assertEquals(await world.run(collect(polite.server)), new Uint8Array([1]));
  await polite.server.closeWrite();
  await world.pass(5000);
  assertEquals([a.stats().connections, b.stats().connections], [0, 0]);

  const talker = await connectPair(world, a, b);
  talker.client.close();
  await world.pass(10);
  await talker.server.write(new Uint8Array(10));
  assertEquals(await world.run(talker.server.read()), null);
  await world.pass(10);
  await assertRejects(() => talker.server.write(new Uint8Array(1)), GatewayError, "reset");

  const silent = await connectPair(world, a, b);
  silent.client.close();
  await world.pass(60_000);
  assertEquals([a.stats().connections, b.stats().connections], [0, 0]);
  assertEquals(a.stats().unread, 0);
});

Deno.test("a reset wakes a blocked writer", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  const writing = client.write(randomBytes(MEGABYTE));
  await world.pass(1000);
  server.abort();
  await assertRejects(() => world.run(writing), GatewayError, "reset");
});

Deno.test("a reader that stops closes the window; memory stays bounded; it resumes by a probe", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  const bytes = randomBytes(MEGABYTE);
  const sending = transmit(client, bytes);
  await world.pass(60_000);
  assert(b.stats().unread <= 65_536 + 8, `${b.stats().unread} bytes unread`);
  assert(b.stats().unread > 60_000);
  // The window update that reading causes is lost: only the probe can find out.
  let lost = 0;
  world.tap = (_frame, from) => from !== 1 || ++lost > 3;
  const [received] = await world.run(Promise.all([collect(server), sending]));
  assertSameBytes(received, bytes);
});

Deno.test("a peer with a shut window is probed for ever while it answers", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client, server } = await connectPair(world, a, b);
  const bytes = randomBytes(200_000);
  const sending = transmit(client, bytes);
  await world.pass(24 * 3_600_000);
  const [received] = await world.run(Promise.all([collect(server), sending]));
  assertSameBytes(received, bytes);
});

Deno.test("the sum of unread bytes is bounded by the budget over all connections", async () => {
  const world = new Simulation();
  const [a, b] = world.pair({}, { limits: { budget: 500_000 } });
  const clients: GatewayConnection[] = [];
  const servers: GatewayConnection[] = [];
  b.listen(80, (connection) => servers.push(connection));
  for (let i = 0; i < 20; i++) clients.push(await world.run(a.connect(ADDRESS_B, 80)));
  const bytes = randomBytes(300_000);
  const sending = clients.map((client) => transmit(client, bytes));
  await world.pass(10_000);
  const bound = 500_000 + 20 * 65_536;
  assert(b.stats().unread <= bound, `${b.stats().unread} bytes unread, bound ${bound}`);
  const received = await world.run(Promise.all(servers.map(collect)));
  await world.run(Promise.all(sending));
  for (const one of received) assertSameBytes(one, bytes);
});

Deno.test("a VM whose bytes nobody reads does not keep the bytes of another one from being read", async () => {
  const world = new Simulation();
  const [middle, hostile, honest] = world.star(2, { limits: { budget: 1_000_000 } });
  hostile.listen(
    80,
    (connection) => void transmit(connection, randomBytes(300_000)).catch(() => {}),
  );
  honest.listen(80, (connection) => void transmit(connection, randomBytes(MEGABYTE)));
  const unread: GatewayConnection[] = [];
  for (let i = 0; i < 40; i++) unread.push(await world.run(middle.connect(ADDRESS_B, 80)));
  await world.pass(1000);
  const held = middle.stats().unread;
  assert(held > 1_000_000 && held <= 500_000 + 40 * 65_536, `${held}`);
  const client = await world.run(middle.connect(ADDRESS_B + 1, 80));
  const received = await world.run(collect(client), 10_000);
  assertEquals(received.length, MEGABYTE);
  for (const connection of unread) connection.abort();
  assertEquals(middle.stats().unread, 0);
});

Deno.test("many connections to one VM begin with little room, and still carry everything", async () => {
  const world = new Simulation();
  const [middle, vm] = world.star(1);
  vm.listen(80, (connection) => void transmit(connection, randomBytes(100_000)).catch(() => {}));
  const clients: GatewayConnection[] = [];
  for (let i = 0; i < 400; i++) clients.push(await world.run(middle.connect(ADDRESS_B, 80)));
  await world.pass(1000);
  const held = middle.stats().unread;
  assert(held <= 256 * 65_536 + 144 * 8192 && held > 144 * 8000, `${held}`);
  const all = await world.run(Promise.all(clients.map(collect)));
  assert(all.every(({ length }) => length === 100_000));
});

Deno.test("segments that overlap beyond a hole take no more memory than a window", () => {
  const queue = new ReceiveQueue();
  const source = new Uint8Array(65_536), LIMIT = 65_536;
  for (let sequence = 1; sequence < 600; sequence++) {
    queue.hold(sequence, source, 0, 60_000, LIMIT);
    queue.hold(-sequence, source, 0, 60_000, LIMIT);
  }
  assert(queue.held <= LIMIT, `${queue.held}`);
});

Deno.test("a peer that falls silent is given up, and writer and reader are told", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client } = await connectPair(world, a, b);
  world.tap = () => false;
  const writing = client.write(randomBytes(MEGABYTE));
  const error = await assertRejects(() => world.run(writing), GatewayError);
  assertEquals(error.code, "timeout");
  assert(world.now > 90_000, `gave up after ${world.now} ms`);
  await assertRejects(() => client.read(), GatewayError, "did not acknowledge");
  assertEquals(a.stats().connections, 0);
});

Deno.test("an idle connection survives for a day, and ends when the peer is gone", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  const { client } = await connectPair(world, a, b);
  await world.pass(24 * 3_600_000);
  assertEquals(a.stats().connections, 1);
  world.tap = () => false;
  const error = await assertRejects(() => world.run(client.read()), GatewayError);
  assertEquals(error.code, "timeout");
});

Deno.test("five thousand connections at once each carry their own bytes and leave nothing", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  b.listen(80, async (connection) => {
    const request = await collect(connection);
    await connection.write(request.reverse());
    await connection.closeWrite();
  });
  const encoder = new TextEncoder();
  const one = async (index: number) => {
    const connection = await a.connect(ADDRESS_B, 80);
    const request = encoder.encode(`connection ${index}`);
    await connection.write(request);
    await connection.closeWrite();
    assertEquals(await collect(connection), request.reverse());
  };
  await world.run(Promise.all(Array.from({ length: 5000 }, (_, index) => one(index))));
  assert(a.stats().timeWait <= 4096, `${a.stats().timeWait} connections in TIME_WAIT`);
  await world.pass(10_000);
  for (const gateway of [a, b]) {
    const { connections, timeWait, timers } = gateway.stats();
    assertEquals({ connections, timeWait, timers }, { connections: 0, timeWait: 0, timers: 0 });
  }
});

Deno.test("local ports run out at 64,512 per endpoint, say so, and come back", async () => {
  const world = new Simulation();
  const [a, b] = world.pair();
  await world.run(a.ping(ADDRESS_B));
  world.tap = () => false;
  const codes: string[] = [];
  const failed = (error: GatewayError) => void codes.push(error.code);
  for (let i = 0; i < 64_513; i++) a.connect(ADDRESS_B, 80, { timeoutMs: 100 }).catch(failed);
  await world.pass(1);
  assertEquals(codes, ["exhausted"]);
  await world.pass(1000);
  assertEquals(a.stats().connections, 0);
  world.tap = null;
  b.listen(80, (connection) => connection.abort());
  await world.run(a.connect(ADDRESS_B, 80));
});

Deno.test("a SYN flood is bounded and does not stop others from connecting", async () => {
  const world = new Simulation();
  const [a, b] = world.pair({}, { limits: { halfOpenMaximum: 256 } });
  b.listen(80, () => {});
  // The SYN-ACKs are lost, so each connection stays half open at B.
  world.tap = (frame, from) => from === 0 || frame.length === 60;
  for (let i = 0; i < 2000; i++) a.connect(ADDRESS_B, 80, { timeoutMs: 50 }).catch(() => {});
  await world.pass(100);
  assert(b.stats().connections <= 256, `${b.stats().connections} half-open connections`);
  world.tap = null;
  await world.run(a.connect(ADDRESS_B, 80));
});

Deno.test("both sides may open at once on the same pair of ports", async () => {
  // Port cursors start at the same place on both sides, so A's SYN to B's port meets B's to A's.
  const world = new Simulation();
  const [a, b] = world.pair({}, { random: () => 10_000 - 1024 });
  await world.run(a.ping(ADDRESS_B));
  const opened = Promise.all([a.connect(ADDRESS_B, 10_000), b.connect(0x0a000001, 10_000)]);
  const [client, server] = await world.run(opened);
  assertEquals([client.local.port, client.remote.port], [10_000, 10_000]);
  await client.write(new Uint8Array([5]));
  assertEquals(await world.run(server.read()), new Uint8Array([5]));
});

Deno.test("two runs from one seed put the same frames on the link", async () => {
  const trace = async () => {
    const world = new Simulation(99);
    const frames: string[] = [];
    const [a, b] = world.pair({ loss: 0.05, reordering: 0.1 });
    world.tap = (frame, from) => {
      frames.push(`${from} ${world.now} ${frame.length} ${frame.subarray(34, 54).join()}`);
      return true;
    };
    const { client, server } = await connectPair(world, a, b);
    await world.run(Promise.all([collect(server), transmit(client, randomBytes(50_000))]));
    return frames;
  };
  assertEquals(await trace(), await trace());
});
