import { assertEquals } from "@std/assert";
import { defaultCells } from "./count.ts";

const GIB = 2 ** 30;

Deno.test("there is a cell per processor, as long as their pools fit into memory, and at least one", () => {
  assertEquals(defaultCells(GIB, { processors: 2, memory: 16 * GIB }), 2);
  assertEquals(defaultCells(GIB, { processors: 4, memory: 3.9 * GIB }), 3);
  assertEquals(defaultCells(2 * GIB, { processors: 4, memory: 1.5 * GIB }), 1);
  assertEquals(defaultCells(GIB, { processors: 4, memory: undefined }), 4);
  assertEquals(defaultCells(GIB, { processors: 64, memory: 1000 * GIB }), 8);
});
