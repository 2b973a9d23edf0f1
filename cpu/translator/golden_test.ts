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
  // xor eax,eax; outer: mov edx,ebx; inner: add eax,edx; dec edx; jnz inner; dec ecx; jnz outer; ret
  nested_loops: "31 c0 89 da 01 d0 4a 75 fb 49 75 f6 c3",
  // cmp eax,3; ja other; jmp [table+eax*4]; three cases; table
  choose:
    "83 f8 03 77 13 ff 24 85 1c 00 00 00 b8 0a 00 00 00 c3 b8 14 00 00 00 c3 31 c0 c3 90 0c 00 00 00 12 00 00 00 18 00 00 00 0c 00 00 00",
  // push ebx; mov ebx,eax; call square; xchg eax,ebx; call square; add eax,ebx; pop ebx; ret; square: imul eax,eax; ret
  call_twice: "53 89 c3 e8 0a 00 00 00 93 e8 04 00 00 00 01 d8 5b c3 0f af c0 c3",
  // mov ecx,[esp+8]; mov eax,[esp+4]; shl eax,cl; js negative; ret; negative: neg eax; ret
  shift_by: "8b 4c 24 08 8b 44 24 04 d3 e0 78 01 c3 f7 d8 c3",
  // ucomisd xmm0,xmm1; jbe done; movapd xmm0,xmm1; done: ret
  lesser_double: "66 0f 2e c1 76 04 66 0f 28 c1 c3",
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
