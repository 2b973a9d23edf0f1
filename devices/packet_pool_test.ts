import { assert, assertEquals } from "@std/assert";
import { Nic, RECEIVE_QUEUE_FRAMES } from "./nic.ts";
import { PacketPool } from "./packet_pool.ts";
import { PacketQueue } from "./packet_queue.ts";

Deno.test("frames come out of a queue in order and unchanged", () => {
  const queue = new PacketQueue(new PacketPool(), 100);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 100; i++) assert(queue.push(new Uint8Array(14 + i).fill(i)));
    assertEquals(queue.push(new Uint8Array(14)), false);
    for (let i = 0; i < 100; i++) {
      assertEquals(queue.peek(), new Uint8Array(14 + i).fill(i));
      queue.drop();
    }
    assertEquals(queue.peek(), null);
    queue.drop();
    assertEquals(queue.size, 0);
  }
});

Deno.test("a flood of a NIC takes no more memory than its queue", () => {
  const pool = new PacketPool();
  const nic = new Nic(pool);
  const frame = new Uint8Array(1514);
  for (let i = 0; i < 10_000; i++) nic.receive(frame);
  assertEquals(nic.framesIn, 10_000);
  assertEquals(nic.receiveQueue.size, RECEIVE_QUEUE_FRAMES);
  assertEquals(nic.drops, 10_000 - RECEIVE_QUEUE_FRAMES);
  assertEquals(pool.bytes, RECEIVE_QUEUE_FRAMES * 1536);
  nic.clear();
  assertEquals(pool.free, pool.slots);
});

Deno.test("however many queues are flooded, one more still finds room", () => {
  const pool = new PacketPool(1000);
  const frame = new Uint8Array(60);
  const queues = Array.from({ length: 200 }, () => new PacketQueue(pool, 64));
  for (let i = 0; i < 64; i++) queues.forEach((queue) => queue.push(frame));
  assert(new PacketQueue(pool, 64).push(frame));
  queues.forEach((queue) => queue.clear());
  assertEquals(pool.free, 999);
});

Deno.test("memory of the pool is taken when it is needed", () => {
  const pool = new PacketPool();
  assertEquals(pool.bytes, 0);
  const queue = new PacketQueue(pool, 1000);
  for (let i = 0; i < 65; i++) queue.push(new Uint8Array(14));
  assertEquals(pool.bytes, 2 * 64 * 1536);
});

/** A frame from sender `id` that carries `mark`. */
function frameFrom(id: number, mark: number): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([0x02, 0x44, 0x4e, 0, 0, id], 6);
  frame[14] = mark;
  return frame;
}

function contents(queue: PacketQueue): string[] {
  const found: string[] = [];
  for (let frame = queue.peek(); frame; frame = queue.peek()) {
    found.push(`${frame[11]}:${frame[14]}`);
    queue.drop();
  }
  return found;
}

Deno.test("in a full queue the sender with the most frames makes way for another", () => {
  const pool = new PacketPool();
  const queue = new PacketQueue(pool, 4);
  for (let mark = 0; mark < 4; mark++) assertEquals(queue.pushFair(frameFrom(1, mark)), false);
  assertEquals(queue.pushFair(frameFrom(2, 0)), true);
  assertEquals(queue.pushFair(frameFrom(1, 9)), true);
  assertEquals(queue.pushFair(frameFrom(2, 1)), true);
  assertEquals(queue.size, 4);
  assertEquals(contents(queue), ["1:0", "1:1", "2:0", "2:1"]);
  assertEquals(pool.free, pool.slots);
});

Deno.test("a queue that floods from its first frame on keeps its order and leaks nothing", () => {
  const pool = new PacketPool();
  const queue = new PacketQueue(pool, 2);
  for (let mark = 0; mark < 50; mark++) queue.pushFair(frameFrom(mark % 3, mark));
  assertEquals(contents(queue).length, 2);
  queue.pushFair(frameFrom(1, 1));
  assertEquals(contents(queue), ["1:1"]);
  assertEquals(pool.free, pool.slots);
});

/** A frame of `length` bytes from sender `id`. */
function largeFrom(id: number, length = 60_000): Uint8Array {
  const frame = new Uint8Array(length);
  frame.set([0x02, 0x44, 0x4e, 0, 0, id], 6);
  return frame;
}

Deno.test("large frames have few slots of their own, which are given back", () => {
  const pool = new PacketPool(1000, 40);
  const queues = Array.from({ length: 20 }, () => new PacketQueue(pool, 64));
  assertEquals(pool.bytes, 0);
  for (let i = 0; i < 20; i++) queues.forEach((queue) => queue.push(largeFrom(1), 0x10000 | 1448));
  assert(queues.every((queue) => queue.size <= 8));
  // Nobody has more than his share, and who has none finds room.
  assert(new PacketQueue(pool, 64).push(largeFrom(2)));
  // Small frames have room as ever.
  assert(queues[0].push(frameFrom(1, 7)));
  assertEquals(queues[0].peek()?.length, 60_000);
  assertEquals(queues[0].offload, 0x10000 | 1448);
  queues.forEach((queue) => queue.clear());
  assertEquals([pool.free, pool.freeLarge], [1000, 39]);
  assert(pool.bytes < 10 * 65_549 + 64 * 1536, `${pool.bytes} bytes are kept`);
});

Deno.test("a flood of large frames makes way for another sender's", () => {
  const pool = new PacketPool();
  const queue = new PacketQueue(pool, 64);
  for (let i = 0; i < 20; i++) queue.pushFair(largeFrom(1));
  assertEquals(queue.size, 8);
  assertEquals(queue.pushFair(largeFrom(2)), true);
  assertEquals(queue.size, 8);
  assertEquals(queue.pushFair(frameFrom(3, 1)), false);
  const senders: number[] = [];
  for (let frame = queue.peek(); frame; frame = queue.peek()) {
    senders.push(frame[11]);
    queue.drop();
  }
  assertEquals(senders, [1, 1, 1, 1, 1, 1, 1, 2, 3]);
  assertEquals([pool.free, pool.freeLarge], [pool.slots, pool.largeSlots]);
});

Deno.test("a flood of small frames makes way for a large one", () => {
  const pool = new PacketPool();
  const queue = new PacketQueue(pool, 4);
  for (let mark = 0; mark < 9; mark++) queue.pushFair(frameFrom(1, mark));
  queue.pushFair(largeFrom(2));
  assertEquals(queue.size, 4);
  queue.drop();
  queue.drop();
  queue.drop();
  assertEquals(queue.peek()?.length, 60_000);
});

Deno.test("whatever comes and goes, only the sender with the most frames makes way, and order is kept", () => {
  const pool = new PacketPool(64), queue = new PacketQueue(pool, 10);
  const waiting: number[] = [];
  const count = (sender: number) => waiting.filter((other) => other === sender).length;
  let state = 1, lost = 0;
  const random = (below: number) => (state = (state * 1103515245 + 12345) % 2 ** 31) % below;
  for (let step = 0; step < 20_000; step++) {
    // Three senders of much, others of little; drained in bursts.
    if (random(40) === 0) { for (let n = random(14); n > 0; n--, waiting.shift()) queue.drop(); }
    const sender = random(4) > 0 ? random(3) : 3 + random(5);
    const most = Math.max(...[0, 1, 2, 3, 4, 5, 6, 7].map(count));
    const full = waiting.length === 10;
    assertEquals(queue.pushFair(frameFrom(sender, step)), full);
    if (full && most < count(sender) + 2) continue;
    if (full) {
      // Who has most may be several; the queue says which.
      const left = contents(queue).map((text) => Number(text.split(":")[0]));
      left.forEach((other) => queue.push(frameFrom(other, 0)));
      const loser = [...new Set(waiting)].find((other) =>
        left.filter((kept) => kept === other).length < count(other)
      )!;
      assertEquals(count(loser), most);
      waiting.splice(waiting.lastIndexOf(loser), 1);
      lost++;
    }
    waiting.push(sender);
    assertEquals(queue.size, waiting.length);
  }
  assert(lost > 100, `${lost}`);
  assertEquals(contents(queue).map((text) => Number(text.split(":")[0])), waiting);
  assertEquals(pool.free, 64);
});
