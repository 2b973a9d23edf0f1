import { assert, assertEquals } from "@std/assert";
import { Keyboard, KEYBOARD_QUEUE_BYTES } from "./keyboard.ts";

Deno.test("input comes out as it went in, across the end of the ring", () => {
  const keyboard = new Keyboard();
  const target = new Uint8Array(3000);
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 10; round++) {
    const bytes = Uint8Array.from({ length: 3000 }, () => next++);
    assertEquals(keyboard.push(bytes), 3000);
    let taken = 0;
    while (keyboard.waiting > 10) {
      const count = keyboard.take(target, 1000);
      for (let i = 0; i < count; i++) assertEquals(target[i], expected++ & 0xff);
      taken += count;
    }
    assert(taken > 0);
  }
});

Deno.test("input beyond the queue is refused, and everything after close", () => {
  const keyboard = new Keyboard();
  assertEquals(keyboard.push(new Uint8Array(5000)), KEYBOARD_QUEUE_BYTES);
  assertEquals(keyboard.push(new Uint8Array(1)), 0);
  keyboard.close();
  const target = new Uint8Array(8000);
  assertEquals(keyboard.take(target, 8000), KEYBOARD_QUEUE_BYTES);
  assertEquals(keyboard.push(new Uint8Array(1)), 0);
  assertEquals(keyboard.take(target, 8000), 0);
});
