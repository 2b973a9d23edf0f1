/**
 * The JavaScript of a few small functions, whole, in `testing/`: a change of what is emitted is seen in review.
 *
 *     ACCEPT=1 deno test -A cpu/translator/golden_test.ts
 */

import { assertEquals } from "@std/assert";
import { PAGE_SIZE, PRESENT } from "../engine.ts";
import { CodeWindow } from "./code_window.ts";
import { findRegion } from "./region.ts";
import { printRegion } from "./region_printer.ts";

/** As gcc -O2 compiles them; the address is the offset in the page. */
const FUNCTIONS: Record<string, string> = {
  // mov eax,[esp+4]; add eax,[esp+8]; ret
  add: "8b 44 24 04 03 44 24 08 c3",
  // xor eax,eax; L: add eax,[ecx]; add ecx,4; cmp ecx,edx; jb L; ret
  sum: "31 c0 03 01 83 c1 04 39 d1 72 f7 c3",
  // L: mov al,[esi]; mov [edi],al; inc esi; inc edi; test al,al; jnz L; ret
  string_copy: "8a 06 88 07 46 47 84 c0 75 f6 c3",
  // xor edx,edx; mov eax,[esp+4]; div dword [esp+8]; mov eax,edx; ret
  remainder: "31 d2 8b 44 24 04 f7 74 24 08 89 d0 c3",
  // cmp eax,1; jle E; push eax; dec eax; call 0; pop edx; imul eax,edx; E: ret
  factorial: "83 f8 01 7e 0b 50 48 e8 f4 ff ff ff 5a 0f af c2 c3",
  // rep movsb; ret
  memory_copy: "f3 a4 c3",
  // movsd xmm0,[eax]; addsd xmm0,xmm1; ret
  add_double: "f2 0f 10 00 f2 0f 58 c1 c3",
  // add eax,ecx; adc edx,ebx; seto al; ret
  add_long: "01 c8 11 da 0f 90 c0 c3",
};

for (const [name, code] of Object.entries(FUNCTIONS)) {
  Deno.test(`the emitted JavaScript of ${name} is the accepted one`, async () => {
    const page = new Uint8Array(PAGE_SIZE).fill(0xcc);
    page.set(code.split(" ").map((byte) => parseInt(byte, 16)));
    const window = new CodeWindow(page, { readTable: Int32Array.of(PRESENT) }, 1);
    const emitted = printRegion(findRegion(window, [0])).body + "\n";
    const file = new URL(`testing/${name}.golden`, import.meta.url);
    if (Deno.env.has("ACCEPT")) await Deno.writeTextFile(file, emitted);
    assertEquals(
      emitted,
      await Deno.readTextFile(file),
      "to accept the change: ACCEPT=1 deno test -A cpu/translator/golden_test.ts",
    );
  });
}
