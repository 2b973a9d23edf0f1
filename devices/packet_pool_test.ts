import { assert, assertEquals } from "@std/assert";
import { Nic, RECEIVE_QUEUE_FRAMES } from "./nic.ts";
import { PacketPool, PacketQueue } from "./packet_pool.ts";

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
  assertEquals(pool.bytes, 64 * 1536);
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
