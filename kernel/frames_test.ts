import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { PAGE_SIZE } from "../cpu/engine.ts";
import { KernelBug } from "./errors.ts";
import { createPool, FrameTable, POOL_MAXIMUM, ZERO_FRAME } from "./frames.ts";

function frameTable(frames = 16): FrameTable {
  return new FrameTable(createPool(frames * PAGE_SIZE));
}

Deno.test("every frame but the zero frame can be allocated once", () => {
  const frames = frameTable();
  const seen = new Set<number>();
  for (let i = 1; i < frames.total; i++) seen.add(frames.allocate());
  assertEquals(seen.size, 15);
  assert(!seen.has(ZERO_FRAME) && !seen.has(-1));
  assertEquals(frames.free, 0);
  assertEquals(frames.allocate(), -1);
});

Deno.test("a frame is free again after its last release", () => {
  const frames = frameTable();
  const frame = frames.allocate();
  frames.share(frame);
  frames.release(frame);
  assertEquals(frames.references(frame), 1);
  assertEquals(frames.free, frames.total - 2);
  frames.release(frame);
  assertEquals(frames.free, frames.total - 1);
  assertEquals(frames.allocate(), frame);
});

Deno.test("releasing a free frame or the zero frame is a bug of the kernel", () => {
  const frames = frameTable();
  const frame = frames.allocate();
  frames.release(frame);
  assertThrows(() => frames.release(frame), KernelBug);
  assertThrows(() => frames.share(frame), KernelBug);
  assertThrows(() => frames.release(ZERO_FRAME), KernelBug);
});

Deno.test("code cached from a frame is dropped before the frame is used again", () => {
  const frames = frameTable();
  const dropped: number[] = [];
  frames.codeCache = { dropFrame: (frame) => dropped.push(frame) };
  const frame = frames.allocate();
  frames.markCode(frame);
  frames.release(frame);
  assertEquals(dropped, [frame]);
  assertEquals(frames.holdsCode(frames.allocate()), false);
});

Deno.test("the last frames of the pool are kept for VMs that hold few", () => {
  const frames = frameTable(64);
  while (frames.free > 8) frames.allocate();
  assertEquals(frames.mayTake(1000), false);
  assertEquals(frames.mayTake(10), true);
});

Deno.test("a pool of a wrong size is refused", () => {
  for (const bytes of [0, 4096, 100_000, -4096, POOL_MAXIMUM + PAGE_SIZE, NaN]) {
    assertThrows(() => createPool(bytes), RangeError, "poolBytes");
  }
  assertThrows(() => createPool(1 << 20, new ArrayBuffer(4096)), RangeError, "memory");
});

Deno.test("a pool lies over memory that is given", () => {
  const memory = new SharedArrayBuffer(1 << 20);
  const pool = createPool(1 << 20, memory);
  pool.i32[1024] = 0x12345678;
  assertEquals(new Uint8Array(memory)[4096], 0x78);
  assertNotEquals(pool.u8.length, 0);
});
