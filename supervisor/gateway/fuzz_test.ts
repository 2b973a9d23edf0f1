import { assert, assertEquals } from "@std/assert";
import type { Gateway } from "./gateway.ts";
import { ADDRESS_B, Simulation } from "./simulation.ts";
import { collect, connectPair, randomBytes, transmit } from "./simulation_streams.ts";

/** Frames of a real exchange, both directions, with ARP, ICMP, UDP-less TCP in every state. */
async function recordFrames(): Promise<Uint8Array[]> {
  const world = new Simulation(5);
  const frames: Uint8Array[] = [];
  const [a, b] = world.pair({ loss: 0.02 });
  world.tap = (frame) => frames.push(frame.slice()) > 0;
  await world.run(a.ping(ADDRESS_B));
  const { client, server } = await connectPair(world, a, b);
  const work = [collect(server), collect(client)];
  await world.run(Promise.all([
    transmit(client, randomBytes(20_000)),
    transmit(server, randomBytes(9000)),
    ...work,
  ]));
  await world.pass(10_000);
  return frames;
}

function listening(world: Simulation): Gateway {
  const [a] = world.pair();
  a.listen(80, (connection) => void collect(connection).catch(() => {}));
  a.bindUdp(53, (payload, _from, reply) => reply(payload));
  return a;
}

Deno.test("random frames of every length never throw and leave nothing", async () => {
  const world = new Simulation(11);
  const gateway = listening(world);
  for (let i = 0; i < 30_000; i++) {
    const frame = new Uint8Array(world.random() % 1600);
    for (let at = 0; at < frame.length; at++) frame[at] = world.random();
    if (i % 3 > 0) frame.set([2, 0x44, 0x4e, 0, 0, 1].slice(0, frame.length));
    if (i % 3 > 1 && frame.length > 24) frame.set([8, i % 2 ? 0 : 6, 0x45], 12);
    gateway.receive(frame);
  }
  await world.pass(600_000);
  const { connections, timers, framesIn } = gateway.stats();
  assertEquals({ connections, timers, framesIn }, { connections: 0, timers: 0, framesIn: 30_000 });
});

Deno.test("mutated frames of real connections never throw and every state ends", async () => {
  const frames = await recordFrames();
  assert(frames.length > 40);
  for (let seed = 1; seed <= 40; seed++) {
    const world = new Simulation(seed);
    const gateway = listening(world);
    for (let i = 0; i < 1500; i++) {
      const frame = frames[world.random() % frames.length].slice();
      if (frame[5] === 2) frame[5] = 1;
      for (let flips = world.random() % 4; flips > 0; flips--) {
        // Mostly headers: that is where the decisions are.
        const at = world.random() % Math.min(frame.length, 70);
        frame[at] = world.random();
      }
      if (world.random() % 8 === 0) frame[14 + 20 + 13] = world.random() & 0x3f;
      const length = world.random() % 16 === 0 ? world.random() % frame.length : frame.length;
      repairChecksums(frame);
      gateway.receive(frame.subarray(0, length));
      if (i % 50 === 0) await world.pass(world.random() % 2000);
    }
    await world.pass(3_600_000);
    const { connections, unread, timers } = gateway.stats();
    assertEquals({ connections, unread, timers }, { connections: 0, unread: 0, timers: 0 });
  }
});

/** Lets a mutated frame past the checksums, so that the code behind them is reached. */
function repairChecksums(frame: Uint8Array): void {
  const header = (frame[14] & 15) * 4;
  const length = Math.min((frame[16] << 8) | frame[17], frame.length - 14);
  if (frame[12] !== 8 || frame[13] !== 0 || header < 20 || length < header + 20) return;
  put(frame, 24, 0);
  put(frame, 24, checksum(frame.subarray(14, 14 + header)));
  if (frame[23] !== 6) return;
  const segment = frame.subarray(14 + header, 14 + length);
  put(segment, 16, 0);
  const pseudo = new Uint8Array(12 + segment.length);
  pseudo.set(frame.subarray(26, 34));
  pseudo.set([0, 6, segment.length >> 8, segment.length], 8);
  pseudo.set(segment, 12);
  put(segment, 16, checksum(pseudo));
}

function put(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** RFC 1071 by bytes: independent of checksum.ts. */
function checksum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? bytes[i] << 8 : bytes[i];
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
}
