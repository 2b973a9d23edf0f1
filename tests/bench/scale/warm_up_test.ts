import { assertEquals } from "@std/assert";
import { warmUp } from "./warm_up.ts";

/** Windows that cost so many microseconds per request, one after the other. */
function windows(costs: number[]) {
  const left = costs.values();
  return () => Promise.resolve({ answered: 10, serverMicroseconds: left.next().value! });
}

Deno.test("a warm-up ends when four windows in a row cost the same within a tenth", async () => {
  const { seconds: _, ...found } = await warmUp(windows([900, 500, 280, 270, 260, 262, 100]));
  assertEquals(found, {
    requests: 60,
    firstMicroseconds: 900,
    lastMicroseconds: 262,
    steady: true,
  });
});

Deno.test("a warm-up that is not steady ends at its limit and says so", async () => {
  const { seconds: _, ...found } = await warmUp(windows([900, 500, 300]), 0);
  assertEquals(found, {
    requests: 10,
    firstMicroseconds: 900,
    lastMicroseconds: 900,
    steady: false,
  });
});
