import { assert, assertEquals } from "@std/assert";
import { zipf } from "./zipf.ts";

function histogram(count: number, alpha: number, draws: number): number[] {
  const choose = zipf(count, alpha, 1);
  const counts = new Array<number>(count).fill(0);
  for (let n = 0; n < draws; n++) counts[choose()]++;
  return counts.sort((a, b) => b - a);
}

Deno.test("the k-th most frequent choice has 1 / k^alpha of the first's share", () => {
  for (const alpha of [0.8, 1, 1.2]) {
    const counts = histogram(100, alpha, 400_000);
    for (const rank of [2, 5, 10]) {
      const expected = counts[0] / rank ** alpha;
      assert(Math.abs(counts[rank - 1] / expected - 1) < 0.05, `alpha ${alpha}, rank ${rank}`);
    }
  }
});

Deno.test("with alpha 0 all are chosen alike, and one is always itself", () => {
  const counts = histogram(10, 0, 100_000);
  assert(counts[9] > 0.95 * 10_000 && counts[0] < 1.05 * 10_000, counts.join(" "));
  assertEquals(histogram(1, 1, 10), [10]);
});
