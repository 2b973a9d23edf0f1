import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { KernelBug } from "./errors.ts";
import { IDLE_SAVINGS, type Schedulable, Scheduler, WEIGHT_DEFAULT } from "./scheduler.ts";

interface Item extends Schedulable {
  name: string;
  work: number;
}

function item(name: string, weight = WEIGHT_DEFAULT): Item {
  const links = { queue: null, queueNext: null, queuePrevious: null };
  return { name, weight, work: 0, credit: 0, idleFrom: 0, ...links };
}

/** Runs the next VM for its turn, or for `most` units of it; returns it. */
function turn(scheduler: Scheduler<Item>, most = Infinity): Item | null {
  const next = scheduler.next();
  if (!next) return null;
  const work = Math.min(most, scheduler.turn);
  scheduler.charge(next, work);
  next.work += work;
  return next;
}

/** Lets VMs that only compute take turns until they have done `work` together. */
function compute(scheduler: Scheduler<Item>, work: number): string {
  let order = "";
  for (let done = 0; done < work;) {
    const next = turn(scheduler)!;
    order += next.name;
    done += Math.min(scheduler.quantum, work);
    scheduler.pass(next);
  }
  return order;
}

Deno.test("runnable VMs take turns", () => {
  const scheduler = new Scheduler<Item>(100);
  for (const name of ["a", "b", "c"]) scheduler.ready(item(name));
  assertEquals(compute(scheduler, 700), "abcabca");
});

Deno.test("a VM of twice the weight has twice the turns, none of them longer than a quantum", () => {
  const scheduler = new Scheduler<Item>(100);
  scheduler.ready(item("a", 100));
  scheduler.ready(item("b", 300));
  scheduler.ready(item("c", 50));
  let order = "";
  for (let i = 0; i < 10; i++) {
    const next = turn(scheduler)!;
    assert(scheduler.turn <= 0);
    order += next.name;
    scheduler.pass(next);
  }
  assertEquals(order, "abbbcabbbc");
});

Deno.test("a weight that changes counts from the next round on, also for a VM that waits", () => {
  const scheduler = new Scheduler<Item>(100);
  const [a, b] = [item("a"), item("b")];
  scheduler.ready(a);
  scheduler.ready(b);
  scheduler.setWeight(b, 400);
  assertEquals(compute(scheduler, 1000), "abbbbabbbb");
  scheduler.setWeight(b, 100);
  assertEquals(compute(scheduler, 400), "abab");
  scheduler.remove(a);
  scheduler.remove(b);
  assertEquals(scheduler.size, 0);
});

Deno.test("work beyond a turn is taken off the next", () => {
  const scheduler = new Scheduler<Item>(1000);
  const [a, b] = [item("a"), item("b")];
  scheduler.ready(a);
  scheduler.ready(b);
  for (let i = 0; i < 2000; i++) {
    const next = scheduler.next()!;
    const work = scheduler.turn + (next === a ? 100 : 0);
    scheduler.charge(next, work);
    next.work += work;
    scheduler.pass(next);
  }
  assertAlmostEquals(a.work / b.work, 1, 0.001);
});

Deno.test("a VM that wakes runs next, and cuts the turn of one that computes", () => {
  const scheduler = new Scheduler<Item>(100);
  const [spinner, other, server] = [item("spinner"), item("other"), item("server")];
  scheduler.idle(server);
  scheduler.ready(spinner);
  scheduler.ready(other);
  compute(scheduler, 1000);
  assertEquals(turn(scheduler, 40), spinner);
  assert(!scheduler.cut);
  scheduler.wake(server);
  assert(scheduler.cut);
  scheduler.pass(spinner);
  assertEquals(turn(scheduler, 10), server);
  assert(!scheduler.cut);
  scheduler.idle(server);
  // The spinner goes on with what was left of its turn.
  assertEquals(turn(scheduler), spinner);
  assertEquals(spinner.work % 100, 0);
});

Deno.test("idling earns what others did meanwhile, times the weight, and only so much", () => {
  for (const weight of [50, 100, 300]) {
    const scheduler = new Scheduler<Item>(10_000);
    const sleeper = item("sleeper", weight);
    for (let i = 0; i < 50; i++) scheduler.ready(item("spinner"));
    scheduler.idle(sleeper);
    for (let i = 0; i < 8; i++) scheduler.pass(turn(scheduler, 1000)!);
    scheduler.wake(sleeper);
    assertEquals(sleeper.credit, 8000 * weight / 100);
    scheduler.remove(sleeper);
    scheduler.idle(sleeper);
    compute(scheduler, 10_000_000);
    scheduler.wake(sleeper);
    assertEquals(sleeper.credit, IDLE_SAVINGS * 10_000 * weight / 100);
  }
});

Deno.test("a VM that wakes without credit waits its turn and gets a full quantum", () => {
  const scheduler = new Scheduler<Item>(100);
  const [first, second] = [item("first"), item("second")];
  scheduler.ready(first);
  scheduler.idle(second);
  scheduler.wake(second);
  assertEquals(turn(scheduler), first);
  scheduler.pass(first);
  assertEquals(scheduler.next(), second);
  assertEquals(scheduler.turn, 100);
});

Deno.test("VMs that wake again and again leave half of the processor to one that computes", () => {
  const scheduler = new Scheduler<Item>(1000);
  const spinner = item("spinner");
  const sleepers = Array.from({ length: 50 }, () => item("sleeper"));
  scheduler.ready(spinner);
  for (const each of sleepers) scheduler.idle(each);
  compute(scheduler, 100_000);
  spinner.work = 0;
  // Always one of them is awake, and idles for the shortest time.
  scheduler.wake(sleepers[0]);
  for (let i = 0, at = 0; i < 10_000; i++) {
    if (scheduler.size === 0) break;
    const next = turn(scheduler)!;
    if (next === spinner || next.credit > 0) scheduler.pass(next);
    else {
      scheduler.idle(next);
      at = (at + 1) % sleepers.length;
      scheduler.wake(sleepers[at]);
    }
  }
  const theirs = sleepers.reduce((sum, { work }) => sum + work, 0);
  assert(spinner.work >= 0.45 * (spinner.work + theirs), `${spinner.work} against ${theirs}`);
});

Deno.test("a VM that idles for a moment now and then has at most half of the processor, less if its weight is", () => {
  for (const [weight, least, most] of [[1000, 0.47, 0.53], [100, 0.47, 0.53], [10, 0, 1 / 11]]) {
    const scheduler = new Scheduler<Item>(1000);
    const spinners = Array.from({ length: 50 }, () => item("spinner"));
    const sleeper = item("sleeper", weight);
    for (const each of spinners) scheduler.ready(each);
    scheduler.idle(sleeper);
    scheduler.wake(sleeper);
    let total = 0;
    while (total < 5_000_000) {
      const next = turn(scheduler, 300)!;
      total += 300;
      if (next === sleeper && next.credit > 0) {
        scheduler.idle(next);
        scheduler.wake(next);
      } else scheduler.pass(next);
    }
    const got = sleeper.work / (sleeper.work + spinners.reduce((sum, { work }) => sum + work, 0));
    assert(got >= least && got <= most, `weight ${weight} got ${got}`);
  }
});

Deno.test("when nobody runs, everybody has earned all that may be saved", () => {
  const scheduler = new Scheduler<Item>(100);
  const server = item("server");
  server.credit = -30;
  scheduler.idle(server);
  assertEquals(scheduler.next(), null);
  scheduler.wake(server);
  assertEquals(server.credit, IDLE_SAVINGS * 100 - 30);
});

Deno.test("a VM that is forced goes before all others", () => {
  const scheduler = new Scheduler<Item>(100);
  const [a, b, c] = [item("a"), item("b"), item("c")];
  for (const each of [a, b, c]) scheduler.ready(each);
  scheduler.force(c);
  assert(scheduler.cut);
  assertEquals(compute(scheduler, 400), "cabc");
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
