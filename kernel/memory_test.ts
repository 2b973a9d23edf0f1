import { assert, assertEquals } from "@std/assert";
import { PAGE_MASK, PAGE_SIZE, PRESENT, RESOLVE_FAULT, RESOLVE_WAIT } from "../cpu/engine.ts";
import { createPool, FrameTable, ZERO_FRAME } from "./frames.ts";
import { Image } from "./image.ts";
import { Memory, UNDER_WAY } from "./memory.ts";
import { ABSENT } from "./page_map.ts";
import { SoftTlb } from "./soft_tlb.ts";
import { buildElf } from "./testing/elf_builder.ts";

const MEMORY = 1 << 20;
const IMAGE_PAGE = 0x10;

function setup(frames = 256) {
  const table = new FrameTable(createPool(frames * PAGE_SIZE));
  const file = buildElf({
    segments: [
      { address: 0x10000, bytes: new Uint8Array(5000).fill(7) },
      { address: 0x20000, bytes: Uint8Array.of(1, 2, 3), memoryBytes: 3 * PAGE_SIZE },
    ],
  });
  const image = new Image("test", file, table);
  const tlb = new SoftTlb();
  const space = (): Memory => {
    const memory = new Memory(table, image, MEMORY);
    tlb.attach(memory);
    return memory;
  };
  return { table, image, tlb, space };
}

function byteAt(memory: Memory, address: number): number {
  const target = new Uint8Array(1);
  assertEquals(memory.read(address, target, 0, 1), 1);
  return target[0];
}

Deno.test("untouched memory reads as the shared zero frame and takes no frame", () => {
  const { table, space } = setup();
  const free = table.free;
  const memory = space();
  assertEquals(memory.resolve(200, false), ZERO_FRAME | PRESENT);
  assertEquals(memory.readTable[200], ZERO_FRAME | PRESENT);
  assertEquals(memory.writeTable[200], 0);
  assertEquals(table.free, free);
});

Deno.test("a write to untouched memory gives the page a frame of zeros", () => {
  const { table, space } = setup();
  const stale = table.allocate();
  table.pool.u8.fill(0xee, stale, stale + PAGE_SIZE);
  table.release(stale);
  const memory = space();
  const entry = memory.resolve(200, true);
  assertEquals(entry, stale | PRESENT);
  assertEquals(memory.readTable[200], entry);
  assertEquals(memory.writeTable[200], entry);
  assert(table.pool.u8.subarray(stale, stale + PAGE_SIZE).every((byte) => byte === 0));
  assertEquals(memory.resolve(200, true), entry);
  assertEquals(memory.resident, 1);
});

Deno.test("all VMs of an image read the same frames, and a write copies a page once", () => {
  const { table, image, space } = setup();
  const a = space();
  const b = space();
  const shared = a.resolve(IMAGE_PAGE, false);
  assertEquals(b.resolve(IMAGE_PAGE, false), shared);
  const free = table.free;
  const own = a.resolve(IMAGE_PAGE, true);
  assertEquals(a.resolve(IMAGE_PAGE, true), own);
  assertEquals(table.free, free - 1);
  table.pool.u8[own & ~PAGE_MASK] = 99;
  assertEquals(byteAt(a, 0x10000), 99);
  assertEquals(byteAt(a, 0x10001), 7);
  assertEquals(byteAt(b, 0x10000), 7);
  assertEquals(image.frame(IMAGE_PAGE), shared & ~PAGE_MASK);
});

Deno.test("page 0 and everything beyond the memory faults", () => {
  const { space } = setup();
  const memory = space();
  for (const page of [0, MEMORY / PAGE_SIZE, MEMORY / PAGE_SIZE + 1, 0xfffff]) {
    assertEquals(memory.resolve(page, false), RESOLVE_FAULT);
    assertEquals(memory.resolve(page, true), RESOLVE_FAULT);
  }
  assert(memory.resolve(1, true) > 0);
  assert(memory.resolve(MEMORY / PAGE_SIZE - 1, true) > 0);
});

Deno.test("a write to a page with cached code drops the code first", () => {
  const { table, space } = setup();
  const memory = space();
  const entry = memory.resolve(200, true);
  const dropped: number[] = [];
  table.codeCache = { dropFrame: (frame) => dropped.push(frame) };
  memory.protectCode(200);
  assertEquals(memory.writeTable[200], 0);
  memory.write(200 * PAGE_SIZE, Uint8Array.of(1), 0, 1);
  assertEquals(dropped, [entry & ~PAGE_MASK]);
  assertEquals(memory.writeTable[200], entry);
  memory.write(200 * PAGE_SIZE, Uint8Array.of(2), 0, 1);
  assertEquals(dropped.length, 1);
});

Deno.test("code cached from a shared image page survives another VM's copy of it", () => {
  const { table, space } = setup();
  const a = space();
  const b = space();
  const dropped: number[] = [];
  table.codeCache = { dropFrame: (frame) => dropped.push(frame) };
  a.protectCode(IMAGE_PAGE);
  b.resolve(IMAGE_PAGE, true);
  assertEquals(dropped, []);
});

Deno.test("a buffer that crosses pages is copied whole, and short at the end of memory", () => {
  const { space } = setup();
  const memory = space();
  const bytes = Uint8Array.from({ length: 9000 }, (_, i) => i * 7);
  assertEquals(memory.write(0x30ffd, bytes, 0, 9000), 9000);
  const back = new Uint8Array(9001);
  assertEquals(memory.read(0x30ffd, back, 1, 9000), 9000);
  assertEquals(back.subarray(1), bytes);
  assertEquals(memory.write(MEMORY - 10, bytes, 0, 9000), 10);
  assertEquals(memory.read(MEMORY - 10, back, 0, 9000), 10);
  assertEquals(memory.probe(MEMORY - 10, 9000, true), 10);
  assertEquals(memory.probe(MEMORY - 10, 10, true), 10);
  assertEquals(memory.read(0, back, 0, 100), 0);
  assertEquals(memory.read(0xfffffff0, back, 0, 100), 0);
  assertEquals(memory.probe(0xfffffff0, 100, false), 0);
});

Deno.test("words are stored at every alignment, or not at all", () => {
  const { space } = setup();
  const memory = space();
  const word = new Int32Array(1);
  for (const address of [0x40000, 0x40001, 0x40ffd, 0x40ffe, 0x40fff]) {
    assert(memory.store32(address, -0x12345678));
    assert(memory.load32(address, word, 0));
    assertEquals(word[0], -0x12345678);
  }
  assertEquals(memory.store32(MEMORY - 2, -1), false);
  assertEquals(byteAt(memory, MEMORY - 2), 0);
  assertEquals(memory.load32(MEMORY - 2, word, 0), false);
  assertEquals(memory.load32(0xfffffffe, word, 0), false);
});

Deno.test("a VM that needs a frame when none is free starves, and nothing is half done", () => {
  const { table, space } = setup();
  const memory = space();
  const taken: number[] = [];
  while (table.free > 0) taken.push(table.allocate());
  assertEquals(memory.resolve(200, true), RESOLVE_WAIT);
  assertEquals(memory.wanted, 200);
  assertEquals(memory.resolve(200, false), ZERO_FRAME | PRESENT);
  assertEquals(memory.store32(200 * PAGE_SIZE, 1), false);
  table.release(taken[0]);
  assert(memory.store32(200 * PAGE_SIZE, 1));
});

Deno.test("tables that were dropped are filled again from the page map", () => {
  const { tlb, space } = setup();
  const memory = space();
  memory.store32(0x50000, 42);
  tlb.detach(memory);
  assertEquals(memory.readTable.length, 0);
  const word = new Int32Array(1);
  assert(memory.load32(0x50000, word, 0));
  assertEquals(word[0], 42);
  tlb.attach(memory);
  assertEquals(memory.readTable[0x50], 0);
  assert(memory.load32(0x50000, word, 0));
  assert(memory.readTable[0x50] !== 0);
  assertEquals(word[0], 42);
});

Deno.test("every frame returns when the memory is released", () => {
  const { table, image, tlb, space } = setup();
  const free = table.free;
  const memory = space();
  for (let page = 1; page < 200; page++) memory.resolve(page, true);
  assertEquals(table.free, free - 199);
  tlb.detach(memory);
  memory.release();
  assertEquals(table.free, free);
  image.release();
  assertEquals(table.free, table.total - 1);
});

Deno.test("new tables begin with the image's pages for reading, and with none of the VM's own", () => {
  const { image, tlb, space } = setup();
  const memory = space();
  const own = memory.resolve(IMAGE_PAGE + 1, true);
  assert(own > 0);
  tlb.detach(memory);
  tlb.attach(memory);
  assertEquals(memory.readTable[IMAGE_PAGE], image.frame(IMAGE_PAGE) | PRESENT);
  assertEquals(memory.writeTable[IMAGE_PAGE], 0);
  assertEquals(memory.readTable[IMAGE_PAGE + 1], 0);
  assertEquals(memory.isMapped(IMAGE_PAGE + 1), false);
  assertEquals(memory.resolve(IMAGE_PAGE + 1, false), own);
});

Deno.test("a page that is given back reads as zeros, and its frame is free", () => {
  const { table, space } = setup();
  const memory = space(), free = table.free;
  memory.write(200 * PAGE_SIZE, Uint8Array.of(5), 0, 1);
  memory.protectCode(200);
  memory.discard(200);
  assertEquals([table.free, memory.resident, memory.map.size], [free, 0, 0]);
  assertEquals(memory.readTable[200], 0);
  assertEquals(byteAt(memory, 200 * PAGE_SIZE), 0);
  memory.write(200 * PAGE_SIZE, Uint8Array.of(6), 0, 1);
  assertEquals(byteAt(memory, 200 * PAGE_SIZE), 6);
  memory.release();
});

Deno.test("pages of the image and the registers are not given back", () => {
  const { space } = setup();
  const memory = space();
  memory.adopt(1, Uint8Array.of(9));
  memory.write(IMAGE_PAGE * PAGE_SIZE, Uint8Array.of(5), 0, 1);
  for (const page of [0, 1, IMAGE_PAGE, 300, 1 << 20]) memory.discard(page);
  assertEquals(byteAt(memory, PAGE_SIZE), 9);
  assertEquals(byteAt(memory, IMAGE_PAGE * PAGE_SIZE), 5);
  memory.release();
});

Deno.test("tables that other VMs had meanwhile have the same pages as before, and none of the others'", () => {
  const { table, image } = setup();
  const tlb = new SoftTlb(8 * (MEMORY / PAGE_SIZE));
  const [a, b] = [0, 1].map(() => new Memory(table, image, MEMORY));
  tlb.attach(a);
  a.resolve(IMAGE_PAGE, true);
  a.resolve(200, true);
  a.resolve(201, true);
  a.resolve(203, false);
  a.unmap(201);
  const before = [a.readTable.slice(), a.writeTable.slice()];
  before[0][203] = 0;
  tlb.attach(b);
  b.resolve(0x20, true);
  assertEquals([b.readTable[200], b.readTable[203], b.writeTable[200]], [0, 0, 0]);
  assertEquals(b.readTable[IMAGE_PAGE], image.frame(IMAGE_PAGE) | PRESENT);
  tlb.attach(a);
  assertEquals([a.readTable, a.writeTable], before);
});

Deno.test("pages of which the pager has taken the tables or the frame do not come back with the tables", () => {
  const { table, image } = setup();
  const tlb = new SoftTlb(8 * (MEMORY / PAGE_SIZE));
  const [a, b] = [0, 1].map(() => new Memory(table, image, MEMORY));
  tlb.attach(a);
  for (const page of [200, 201, 202]) a.resolve(page, true);
  tlb.attach(b);
  a.map.setFrame(a.map.find(200), ABSENT);
  a.map.setSlot(a.map.find(201), 7 | UNDER_WAY);
  tlb.attach(a);
  assertEquals([a.readTable[200], a.writeTable[200], a.writeTable[201]], [0, 0, 0]);
  assert(a.readTable[201] !== 0 && a.writeTable[202] !== 0);
  tlb.attach(b);
  tlb.detach(a);
  tlb.attach(a);
  assertEquals([a.readTable[201], a.readTable[202]], [0, 0]);
});
