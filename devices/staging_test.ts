import { assert, assertEquals } from "@std/assert";
import { StagingArea } from "./staging.ts";

Deno.test("runs of neighbours are taken once and found again when they were given back", () => {
  const area = new StagingArea(64);
  const held = new Map<number, number>();
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let round = 0; round < 5000; round++) {
    const count = 1 + random(32);
    const first = area.take(count);
    if (first >= 0) {
      for (const [other, length] of held) {
        assert(first + count <= other || first >= other + length, "a block was taken twice");
      }
      assert(first + count <= 64);
      held.set(first, count);
    } else {
      const [place, length] = [...held][random(held.size)];
      area.give(place, length);
      held.delete(place);
    }
  }
  for (const [place, length] of held) area.give(place, length);
  assertEquals(area.free, 64);
  assertEquals(area.take(64), 0);
  assertEquals(area.take(1), -1);
});
