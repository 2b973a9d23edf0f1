import { assertEquals } from "@std/assert";
import { PageMap } from "./page_map.ts";

Deno.test("a page map finds what was set, whatever the pattern of pages", () => {
  for (const stride of [1, 2, 16, 255, 4096]) {
    const map = new PageMap();
    for (let i = 1; i <= 200; i++) map.set(i * stride, i << 12);
    for (let i = 1; i <= 200; i++) {
      assertEquals(map.get(i * stride), i << 12);
      assertEquals(map.get(i * stride + 201 * stride), -1);
    }
    assertEquals(map.size, 200);
    let sum = 0;
    map.forEach((page, frame) => sum += page + frame);
    assertEquals(sum, 201 * 100 * (stride + 4096));
  }
});

Deno.test("setting a page again replaces its frame", () => {
  const map = new PageMap();
  map.set(7, 4096);
  map.set(7, 8192);
  assertEquals(map.get(7), 8192);
  assertEquals(map.size, 1);
  map.clear();
  assertEquals(map.get(7), -1);
  assertEquals(map.size, 0);
});

Deno.test("the map of a VM with 24 private pages takes half a kilobyte", () => {
  const map = new PageMap();
  for (let i = 1; i <= 24; i++) map.set(i * 3, i << 12);
  assertEquals(map.bytes, 512);
});
