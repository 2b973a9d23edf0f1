import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RequestError } from "../request_error.ts";
import { ConsoleLog } from "./console_log.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const KEPT = 64 * 1024;

Deno.test("a console keeps the last 64 KiB, in order", () => {
  const log = new ConsoleLog();
  let all = "";
  for (let n = 0; n < 3000; n++) {
    const text = `${n} `.repeat(1 + n % 17);
    all += text;
    log.append(bytes(text));
    assertEquals(log.written, all.length);
    if (n % 500 === 0) {
      assertEquals(new TextDecoder().decode(log.history()), all.slice(-KEPT));
    }
  }
  assertEquals(new TextDecoder().decode(log.history()), all.slice(-KEPT));
});

Deno.test("a write larger than all that is kept leaves its end", () => {
  const log = new ConsoleLog();
  log.append(bytes("before"));
  log.append(bytes("x".repeat(KEPT) + "end"));
  assertEquals(log.history().length, KEPT);
  assertEquals(new TextDecoder().decode(log.history().slice(-4)), "xend");
});

Deno.test("a follower that does not read is cut off, and others are not", async () => {
  const log = new ConsoleLog();
  const slow = log.follow().getReader();
  const piece = bytes("y".repeat(60_000));
  for (let n = 0; n < 20; n++) log.append(piece);
  await assertRejects(
    async () => {
      while (!(await slow.read()).done);
    },
    Error,
    "behind",
  );
  log.live = false;
  assertEquals((await new Response(log.follow()).bytes()).length, KEPT);
});

Deno.test("a follower that leaves is forgotten", async () => {
  const log = new ConsoleLog();
  await log.follow().cancel();
  log.append(bytes("nobody hears this"));
  log.live = false;
});

Deno.test("followers beyond a bound are refused until one leaves", async () => {
  const log = new ConsoleLog();
  const streams = Array.from({ length: 64 }, () => log.follow());
  assertThrows(() => log.follow(), RequestError, "others follow");
  await streams[0].cancel();
  log.follow();
  log.live = false;
});

Deno.test("single bytes count against a follower for the memory they take", async () => {
  const log = new ConsoleLog();
  const slow = log.follow().getReader();
  for (let n = 0; n < 10_000; n++) log.append(bytes("z"));
  await assertRejects(
    async () => {
      while (!(await slow.read()).done);
    },
    Error,
    "behind",
  );
});
