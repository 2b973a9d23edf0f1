import { assertEquals } from "@std/assert";
import { TimerHeap } from "./timers.ts";

Deno.test("timers expire in the order of their deadlines, equal ones by number", () => {
  const heap = new TimerHeap();
  heap.set(3, 50);
  heap.set(1, 70);
  heap.set(9, 50);
  heap.set(4, 10);
  assertEquals(heap.next, 10);
  assertEquals([heap.expire(60), heap.expire(60), heap.expire(60)], [4, 3, 9]);
  assertEquals(heap.expire(60), -1);
  assertEquals(heap.next, 70);
});

Deno.test("a timer that is set again moves, and one that is cancelled does not expire", () => {
  const heap = new TimerHeap();
  for (let timer = 0; timer < 10; timer++) heap.set(timer, timer);
  heap.set(0, 100);
  heap.set(9, -1);
  heap.cancel(5);
  heap.cancel(5);
  heap.cancel(1000);
  const order = [];
  for (let timer = heap.expire(200); timer >= 0; timer = heap.expire(200)) order.push(timer);
  assertEquals(order, [9, 1, 2, 3, 4, 6, 7, 8, 0]);
  assertEquals(heap.next, Infinity);
  assertEquals(heap.deadline(3), Infinity);
});

Deno.test("ten thousand random operations agree with a sorted list", () => {
  const heap = new TimerHeap();
  const model = new Map<number, number>();
  let seed = 1;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const first = () => [...model].sort(([a, x], [b, y]) => x - y || a - b)[0];
  for (let i = 0; i < 10_000; i++) {
    const timer = random(200);
    const action = random(3);
    if (action === 0) {
      heap.cancel(timer);
      model.delete(timer);
    } else if (action === 1) {
      const deadline = random(1000);
      heap.set(timer, deadline);
      model.set(timer, deadline);
    } else {
      const expected = first();
      const expired = heap.expire(500);
      assertEquals(expired, expected !== undefined && expected[1] <= 500 ? expected[0] : -1);
      if (expired >= 0) model.delete(expired);
    }
    assertEquals(heap.size, model.size);
    assertEquals(heap.next, first()?.[1] ?? Infinity);
  }
});
