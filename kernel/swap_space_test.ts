import { assertEquals, assertThrows } from "@std/assert";
import { KernelBug } from "./errors.ts";
import { type SwapRegion, SwapSpace } from "./swap_space.ts";

Deno.test("regions do not overlap, and all slots are one gap again when they have gone", () => {
  const space = new SwapSpace(10_000);
  let seed = 3;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const regions: SwapRegion[] = [];
  for (let i = 0; i < 3000; i++) {
    const pages = 1 + random(400);
    if (random(2) === 0 && pages <= space.largest) regions.push(space.allocate(pages));
    else if (regions.length > 0) space.release(regions.splice(random(regions.length), 1)[0]);
    const used = regions.reduce((sum, region) => sum + region.pages, 0);
    assertEquals(space.available, 10_000 - used);
    const sorted = [...regions].sort((a, b) => a.base - b.base);
    for (let n = 1; n < sorted.length; n++) {
      assertEquals(sorted[n].base >= sorted[n - 1].base + sorted[n - 1].pages, true);
    }
  }
  for (const region of regions) space.release(region);
  assertEquals([space.available, space.largest], [10_000, 10_000]);
});

Deno.test("a region gives the lowest free slots, and keeps books only of those it ever used", () => {
  const region = new SwapSpace(1 << 20).allocate(1 << 18);
  assertEquals(region.bytes, 0);
  assertEquals([7, 8, 9, 10].map((page) => region.take(page)), [0, 1, 2, 3]);
  region.free(2);
  region.free(0);
  assertEquals([11, 12, 13].map((page) => region.take(page)), [0, 2, 4]);
  assertEquals([0, 1, 2, 3, 4, 5].map((slot) => region.page(slot)), [11, 8, 12, 10, 13, 0]);
  assertEquals([region.used, region.bytes], [5, 64]);
  for (let slot = 0; slot < 5; slot++) region.free(slot);
  assertEquals([region.used, region.bytes], [0, 0]);
  assertThrows(() => region.free(0), KernelBug);
});

Deno.test("a region holds every page of its VM and no more", () => {
  const region = new SwapSpace(100).allocate(50);
  for (let page = 1; page <= 50; page++) region.take(page);
  assertThrows(() => region.take(51), KernelBug);
});
