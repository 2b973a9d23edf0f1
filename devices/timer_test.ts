import { assertEquals } from "@std/assert";
import { Timer } from "./timer.ts";

Deno.test("a one-shot timer expires once", () => {
  const timer = new Timer();
  timer.oneshot(100, 50);
  assertEquals(timer.deadline, 150);
  timer.expire(150);
  assertEquals(timer.deadline, Infinity);
});

Deno.test("a periodic timer keeps its phase and skips the periods that passed", () => {
  const timer = new Timer();
  timer.periodic(100, 50);
  timer.expire(151);
  assertEquals(timer.deadline, 200);
  timer.expire(430);
  assertEquals(timer.deadline, 450);
});

Deno.test("zero disarms, and a new setting replaces the old", () => {
  const timer = new Timer();
  timer.periodic(100, 50);
  timer.oneshot(110, 7);
  assertEquals(timer.deadline, 117);
  timer.expire(117);
  assertEquals(timer.deadline, Infinity);
  timer.periodic(100, 50);
  timer.periodic(100, 0);
  assertEquals(timer.deadline, Infinity);
});

Deno.test("the longest delay and the shortest period are exact", () => {
  const timer = new Timer();
  timer.oneshot(0.5, 0xffffffff);
  assertEquals(timer.deadline, 0xffffffff + 0.5);
  timer.periodic(0, 1);
  timer.expire(1e9);
  assertEquals(timer.deadline, 1e9 + 1);
});
