import { assertEquals, assertThrows } from "@std/assert";
import { KernelBug } from "./errors.ts";
import { type Schedulable, Scheduler, URGENT_RUN } from "./scheduler.ts";

interface Item extends Schedulable {
  name: string;
}

function item(name: string, credit = 0): Item {
  return { name, credit, queue: null, queueNext: null, queuePrevious: null };
}

Deno.test("runnable VMs take turns", () => {
  const scheduler = new Scheduler<Item>(100);
  for (const name of ["a", "b", "c"]) scheduler.ready(item(name));
  const order: string[] = [];
  for (let i = 0; i < 7; i++) {
    const next = scheduler.next()!;
    order.push(next.name);
    assertEquals(next.credit, 100);
    scheduler.ready(next);
  }
  assertEquals(order.join(""), "abcabca");
});

Deno.test("a VM that wakes with credit runs next, with what was left of its quantum", () => {
  const scheduler = new Scheduler<Item>(100);
  scheduler.ready(item("spinner"));
  scheduler.wake(item("server", 60));
  const next = scheduler.next()!;
  assertEquals([next.name, next.credit], ["server", 60]);
  assertEquals(scheduler.next()!.name, "spinner");
  assertEquals(scheduler.next(), null);
});

Deno.test("a VM that wakes without credit waits its turn and gets a full quantum", () => {
  const scheduler = new Scheduler<Item>(100);
  scheduler.ready(item("first"));
  scheduler.wake(item("second"));
  assertEquals(scheduler.next()!.name, "first");
  assertEquals(scheduler.next()!.credit, 100);
});

Deno.test("VMs that wake again and again do not starve one that computes", () => {
  const scheduler = new Scheduler<Item>(1_000_000);
  scheduler.ready(item("spinner"));
  scheduler.wake(item("sleeper", 1_000_000));
  let turns = 0;
  for (let i = 0; i < 100 * (URGENT_RUN + 1); i++) {
    const next = scheduler.next()!;
    if (next.name === "spinner") {
      turns++;
      scheduler.ready(next);
    } else {
      next.credit--;
      scheduler.wake(next);
    }
  }
  assertEquals(turns, 100);
});

Deno.test("a VM can be removed from anywhere in a queue", () => {
  for (const gone of [0, 1, 2]) {
    const scheduler = new Scheduler<Item>(100);
    const items = ["a", "b", "c"].map((name) => item(name));
    items.forEach((each) => scheduler.ready(each));
    scheduler.remove(items[gone]);
    scheduler.remove(items[gone]);
    assertEquals(scheduler.size, 2);
    const rest = items.filter((_, index) => index !== gone);
    assertEquals([scheduler.next(), scheduler.next(), scheduler.next()], [...rest, null]);
  }
});

Deno.test("queueing a VM twice is a bug of the kernel", () => {
  const scheduler = new Scheduler<Item>(100);
  const twice = item("twice");
  scheduler.ready(twice);
  assertThrows(() => scheduler.ready(twice), KernelBug);
});
