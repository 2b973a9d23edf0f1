/** Instructions share a form, and so their compiled function, exactly if they differ in numbers only. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { decode } from "./decoder.ts";
import { shapeOf } from "./shape.ts";

function keyOf(bytes: string): string {
  const code = Uint8Array.from(bytes.split(" "), (pair) => parseInt(pair, 16));
  const instruction = decode(code, 0, code.length);
  if (instruction === null) throw new Error(`expected an instruction, got ${bytes}`);
  return shapeOf(instruction).key;
}

Deno.test("registers, displacements and immediates are numbers of one form", () => {
  assertEquals(keyOf("01 c8"), keyOf("01 fb"));
  assertEquals(keyOf("8b 43 04"), keyOf("8b 8e 00 10 00 00"));
  assertEquals(keyOf("83 c0 05"), keyOf("81 c3 00 00 01 00"));
});

Deno.test("each segment register makes a form of its own", () => {
  const forms = {
    "mov ds,eax; mov es,eax; mov gs,eax": ["8e d8", "8e c0", "8e e8"],
    "mov eax,ds; mov eax,cs; mov eax,gs": ["8c d8", "8c c8", "8c e8"],
    "push ds; push cs; push fs; push gs": ["1e", "0e", "0f a0", "0f a8"],
    "pop ds; pop es; pop fs; pop gs": ["1f", "07", "0f a1", "0f a9"],
    "mov eax,[ebx]; mov eax,fs:[ebx]; mov eax,gs:[ebx]": ["8b 03", "64 8b 03", "65 8b 03"],
  };
  for (const [names, encodings] of Object.entries(forms)) {
    assertEquals(new Set(encodings.map(keyOf)).size, encodings.length, names);
  }
});

Deno.test("operand and address sizes, LOCK where it is illegal and counts of a shift tell forms apart", () => {
  assertNotEquals(keyOf("01 c8"), keyOf("66 01 c8"));
  assertNotEquals(keyOf("8b 03"), keyOf("67 8b 07"));
  assertNotEquals(keyOf("01 c8"), keyOf("f0 01 c8"));
  assertNotEquals(keyOf("c1 e0 01"), keyOf("c1 e0 02"));
});
