import { assertEquals } from "@std/assert";
import { ABSENT, PageMap } from "./page_map.ts";

Deno.test("a page map finds what was added, whatever the pattern of pages", () => {
  for (const stride of [1, 2, 16, 255, 4096]) {
    const map = new PageMap();
    for (let i = 1; i <= 200; i++) map.setFrame(map.add(i * stride), i << 12);
    for (let i = 1; i <= 200; i++) {
      assertEquals(map.frame(map.find(i * stride)), i << 12);
      assertEquals(map.slot(map.find(i * stride)), ABSENT);
      assertEquals(map.find(i * stride + 201 * stride), -1);
    }
    assertEquals(map.size, 200);
    let sum = 0;
    for (let place = 0; place < map.places; place++) sum += map.page(place);
    assertEquals(sum, 201 * 100 * stride);
  }
});

Deno.test("a page map agrees with a plain map after any additions and removals", () => {
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (const range of [20, 300, 1 << 20]) {
    const map = new PageMap(), model = new Map<number, number>();
    for (let i = 0; i < 5000; i++) {
      const page = 1 + random(range);
      const place = map.find(page);
      assertEquals(place >= 0 ? map.slot(place) : undefined, model.get(page));
      if (place >= 0) {
        map.remove(place);
        model.delete(page);
      } else if (model.size < 400) {
        map.setSlot(map.add(page), i);
        model.set(page, i);
      }
      assertEquals(map.size, model.size);
    }
    for (const [page, slot] of model) assertEquals(map.slot(map.find(page)), slot);
  }
});

Deno.test("sixteen pages in a row lie in sixteen places in a row", () => {
  const map = new PageMap();
  for (let page = 0x120; page < 0x130; page++) map.add(page);
  const first = map.find(0x120);
  for (let page = 0x120; page < 0x130; page++) assertEquals(map.find(page), first + page - 0x120);
});

Deno.test("the map of a VM with 12 private pages takes 192 bytes", () => {
  const map = new PageMap();
  for (let i = 1; i <= 12; i++) map.add(i * 3);
  assertEquals(map.bytes, 192);
});
