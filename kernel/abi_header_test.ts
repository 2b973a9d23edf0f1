import { assertEquals } from "@std/assert";
import { REGISTERS } from "./abi.ts";
import { ABI_HEADER_PATH, abiHeader } from "./abi_header.ts";

Deno.test("the committed C header is what kernel/abi.ts says (else run `deno task abi`)", async () => {
  const committed = await Deno.readTextFile(new URL(`../${ABI_HEADER_PATH}`, import.meta.url));
  assertEquals(committed, abiHeader());
});

Deno.test("the virtual registers do not overlap and fit into their page", () => {
  let end = 0;
  for (const [name, { offset, size }] of Object.entries(REGISTERS)) {
    assertEquals(offset >= end, true, `${name} at ${offset} overlaps its predecessor`);
    end = offset + size;
  }
  assertEquals(end, 4096);
});
