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
  assertEquals(nic.framesIn, RECEIVE_QUEUE_FRAMES);
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
