import { assert, assertEquals } from "@std/assert";
import { DeterministicClock, HostClock, WORK_PER_MICROSECOND } from "./clock.ts";

Deno.test("deterministic time is a function of the work done, however it is cut", () => {
  const whole = new DeterministicClock();
  const cut = new DeterministicClock();
  whole.advance(12_345);
  for (let i = 0; i < 12_345; i += 5) cut.advance(5);
  assertEquals(whole.monotonic(), Math.floor(12_345 / WORK_PER_MICROSECOND));
  assertEquals(cut.monotonic(), whole.monotonic());
  assertEquals(cut.ticks(0), whole.ticks(0));
  assertEquals(whole.wall() - whole.epoch, whole.monotonic());
});

Deno.test("deterministic time never goes back", () => {
  const clock = new DeterministicClock();
  clock.advance(1099);
  const ticks = clock.ticks(0);
  clock.jump(5);
  assertEquals(clock.monotonic(), 10);
  assertEquals(clock.ticks(0), ticks);
  clock.jump(11);
  assertEquals(clock.monotonic(), 11);
  assert(clock.ticks(0) >= ticks);
});

Deno.test("the host's clock never goes back", () => {
  const clock = new HostClock();
  let last = clock.monotonic();
  for (let i = 0; i < 1000; i++) {
    const now = clock.monotonic();
    assert(now >= last);
    last = now;
  }
  assert(clock.wall() > Date.UTC(2020, 0) * 1000);
});
