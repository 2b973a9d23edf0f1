import { assertEquals } from "@std/assert";
import { PAGE_SIZE, PRESENT } from "../engine.ts";
import { createPool } from "../flat_space.ts";
import { CodeWindow } from "./code_window.ts";
import { MAXIMUM_INSTRUCTIONS, searchRegion } from "./region.ts";

const CALLER = 0x1000, CALLEE = 0x1800, NOP = 0x90, CALL = 0xe8, RET = 0xc3;

/** Addresses of the blocks around a caller of `before` instructions and then a known function of `length`. */
function blocks(before: number, length: number): number[] {
  const pool = createPool(2 * PAGE_SIZE);
  pool.u8.fill(NOP, CALLER);
  pool.u8[CALLER + before] = CALL;
  new DataView(pool.u8.buffer).setInt32(
    CALLER + before + 1,
    CALLEE - CALLER - before - 5,
    true,
  );
  pool.u8[CALLER + before + 5] = RET;
  pool.u8[CALLEE + length - 1] = RET;
  const space = { readTable: Int32Array.of(PRESENT, PAGE_SIZE | PRESENT) };
  const window = new CodeWindow(pool.u8, space, 2);
  const all = () => true, known = (address: number) => address === CALLEE;
  const search = searchRegion(window, [CALLER], all, MAXIMUM_INSTRUCTIONS, undefined, known);
  for (;;) {
    const step = search.next();
    if (step.done) return step.value.blocks.map(({ start }) => start);
  }
}

Deno.test("a region takes a short function with its caller, and leaves a long one to the region that has it", () => {
  assertEquals(blocks(100, 30), [CALLER, CALLER + 105, CALLEE]);
  assertEquals(blocks(100, 80), [CALLER, CALLER + 105]);
  assertEquals(blocks(10, 80), [CALLER, CALLER + 15, CALLEE]);
});
