import { assertEquals } from "@std/assert";
import { WaitingLine } from "./waiting_line.ts";

Deno.test("a line is first come, first served, whoever leaves it in between", () => {
  const line = new WaitingLine<number>(), model: number[] = [];
  let seed = 5;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let i = 0; i < 50_000; i++) {
    const item = random(300);
    if (random(5) < 3) {
      line.enter(item);
      if (!model.includes(item)) model.push(item);
    } else {
      const at = model.indexOf(item);
      assertEquals(line.leave(item), at >= 0);
      if (at >= 0) model.splice(at, 1);
    }
    if (random(3) === 0 && model.length > 0) line.leave(model.shift()!);
    assertEquals([line.first, line.size], [model[0] ?? null, model.length]);
  }
});
