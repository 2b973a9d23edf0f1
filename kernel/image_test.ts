import { assertEquals, assertThrows } from "@std/assert";
import { PAGE_SIZE } from "../cpu/engine.ts";
import { ImageError } from "./errors.ts";
import { createPool, FrameTable, ZERO_FRAME } from "./frames.ts";
import { Image } from "./image.ts";
import {
  buildElf,
  ELF_HEADER,
  executable,
  PROGRAM_HEADER,
  type SegmentSpec,
} from "./testing/elf_builder.ts";

function frameTable(frames = 64): FrameTable {
  return new FrameTable(createPool(frames * PAGE_SIZE));
}

const CODE = Uint8Array.of(0x0f, 0x0a, 0x01, 0x90);
const SYMBOLS = [
  { name: "second", address: 0x10002, size: 2 },
  { name: "first", address: 0x10000, size: 2 },
];

Deno.test("an executable's bytes are in its frames, and zeros take none", () => {
  const frames = frameTable();
  const image = new Image(
    "test",
    buildElf({
      segments: [
        { address: 0x10ffe, bytes: Uint8Array.of(1, 2, 3, 4) },
        { address: 0x12000, bytes: Uint8Array.of(5), memoryBytes: 0x40000 },
      ],
      entry: 0x10fff,
    }),
    frames,
  );
  assertEquals(image.entry, 0x10fff);
  assertEquals(image.end, 0x52000);
  assertEquals(image.frameCount, 3);
  const { u8 } = frames.pool;
  assertEquals([...u8.subarray(image.frame(0x10) + 4093, image.frame(0x10) + 4096)], [0, 1, 2]);
  assertEquals([...u8.subarray(image.frame(0x11), image.frame(0x11) + 3)], [3, 4, 0]);
  assertEquals(image.frame(0x13), ZERO_FRAME);
  assertEquals(image.frame(0xf), ZERO_FRAME);
  image.release();
  assertEquals(frames.free, frames.total - 1);
});

Deno.test("two segments may share a page", () => {
  const frames = frameTable();
  const segments: SegmentSpec[] = [
    { address: 0x10000, bytes: Uint8Array.of(1) },
    { address: 0x10800, bytes: Uint8Array.of(2) },
  ];
  const image = new Image("test", buildElf({ segments }), frames);
  assertEquals(image.frameCount, 1);
  assertEquals(frames.pool.u8[image.frame(0x10)], 1);
  assertEquals(frames.pool.u8[image.frame(0x10) + 0x800], 2);
});

Deno.test("addresses are described by the functions of the symbol table", () => {
  const { symbols } = new Image("test", executable(CODE, SYMBOLS), frameTable());
  assertEquals(symbols.describe(0x10001), "first+0x1");
  assertEquals(symbols.describe(0x10002), "second+0x0");
  assertEquals(symbols.describe(0x10004), "");
  assertEquals(symbols.describe(0xffff), "");
});

Deno.test("an image that does not fit the pool is refused and gives back what it took", () => {
  const frames = frameTable(16);
  const file = buildElf({
    segments: [{ address: 0x10000, bytes: new Uint8Array(20 * PAGE_SIZE) }],
  });
  assertThrows(() => new Image("test", file, frames), ImageError, "pool");
  assertEquals(frames.free, frames.total - 1);
});

/** Offsets of fields in the file that `executable(CODE, SYMBOLS)` gives. */
const PH = ELF_HEADER;

/** What is wrong, the field that the message must name, and the bytes that make it so. */
const MALFORMED: [string, string, (view: DataView) => void][] = [
  ["another magic", "EI_MAG", (v) => v.setUint8(0, 0x7e)],
  ["64-bit objects", "EI_CLASS", (v) => v.setUint8(4, 2)],
  ["big endian", "EI_DATA", (v) => v.setUint8(5, 2)],
  ["another ident version", "EI_VERSION", (v) => v.setUint8(6, 0)],
  ["a shared object", "e_type", (v) => v.setUint16(16, 3, true)],
  ["a relocatable file", "e_type", (v) => v.setUint16(16, 1, true)],
  ["x86-64", "e_machine", (v) => v.setUint16(18, 62, true)],
  ["another version", "e_version", (v) => v.setUint32(20, 2, true)],
  ["an entry outside", "e_entry", (v) => v.setUint32(24, 0x20000, true)],
  ["an entry at 0", "e_entry", (v) => v.setUint32(24, 0, true)],
  ["program headers outside", "e_phoff", (v) => v.setUint32(28, 0xfffffff0, true)],
  ["another header size", "e_ehsize", (v) => v.setUint16(40, 64, true)],
  ["another program header size", "e_phentsize", (v) => v.setUint16(42, 56, true)],
  ["no program headers", "e_phnum", (v) => v.setUint16(44, 0, true)],
  ["too many program headers", "e_phnum", (v) => v.setUint16(44, 0xffff, true)],
  ["nothing to load", "p_type", (v) => v.setUint32(PH, 4, true)],
  ["an interpreter", "p_type[0]", (v) => v.setUint32(PH, 3, true)],
  ["dynamic linking", "p_type[0]", (v) => v.setUint32(PH, 2, true)],
  ["a segment outside the file", "p_offset[0]", (v) => v.setUint32(PH + 4, 0xfffff000, true)],
  ["a segment on the null page", "p_vaddr[0]", (v) => v.setUint32(PH + 8, 0, true)],
  ["a segment on the registers", "p_vaddr[0]", (v) => v.setUint32(PH + 8, 0x1000, true)],
  ["more in the file than in memory", "p_filesz[0]", (v) => v.setUint32(PH + 16, 0x7fffffff, true)],
  ["a segment beyond the memory", "p_memsz[0]", (v) => v.setUint32(PH + 20, 0xffffffff, true)],
  ["an odd alignment", "p_align[0]", (v) => v.setUint32(PH + 28, 3, true)],
  ["an offset that is not aligned", "p_align[0]", (v) => v.setUint32(PH + 28, 1 << 30, true)],
  ["code that is not executable", "e_entry", (v) => v.setUint32(PH + 24, 6, true)],
  ["another section header size", "e_shentsize", (v) => v.setUint16(46, 64, true)],
  ["sections outside", "e_shoff", (v) => v.setUint32(32, 0xfffffff0, true)],
  ["symbols outside", "sh_offset[1]", (v) => v.setUint32(sections(v) + 40 + 16, 0x7fffffff, true)],
  ["symbols of another size", "sh_entsize[1]", (v) => v.setUint32(sections(v) + 40 + 36, 24, true)],
  ["symbols without names", "sh_link[1]", (v) => v.setUint32(sections(v) + 40 + 24, 7, true)],
];

function sections(view: DataView): number {
  return view.getUint32(32, true);
}

for (const [what, field, patch] of MALFORMED) {
  Deno.test(`an ELF file with ${what} is refused by the name of ${field}`, () => {
    const frames = frameTable();
    const file = executable(CODE, SYMBOLS);
    patch(new DataView(file.buffer));
    const error = assertThrows(() => new Image("bad", file, frames), ImageError);
    assertEquals(error.field, field, error.message);
    assertEquals(frames.free, frames.total - 1);
  });
}

Deno.test("segments that overlap are refused", () => {
  const segments = [
    { address: 0x10000, bytes: CODE, memoryBytes: 0x2001 },
    { address: 0x12000, bytes: CODE },
  ];
  const error = assertThrows(
    () => new Image("bad", buildElf({ segments }), frameTable()),
    ImageError,
    "overlap",
  );
  assertEquals(error.field, "p_vaddr[1]");
});

Deno.test("a file that is cut anywhere is refused", () => {
  const file = executable(new Uint8Array(300).fill(0x90), SYMBOLS);
  for (let length = 0; length < file.length; length++) {
    assertThrows(() => new Image("cut", file.subarray(0, length), frameTable()), ImageError);
  }
});

Deno.test("a file with any one byte changed is loaded or refused, and leaks no frame", () => {
  const file = executable(CODE, SYMBOLS);
  const frames = frameTable();
  const header = ELF_HEADER + PROGRAM_HEADER;
  const end = file.length;
  for (let at = 0; at < end; at++) {
    if (at === header) at = sections(new DataView(file.buffer)) - 60;
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const changed = file.slice();
      changed[at] = value;
      try {
        new Image("changed", changed, frames).release();
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      assertEquals(frames.free, frames.total - 1, `byte ${at} = ${value}`);
    }
  }
});
