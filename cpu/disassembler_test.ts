/**
 * The decoder and the disassembler against objdump over real code: what gcc makes of a C file, and the
 * hundreds of thousands of instructions of a C library.
 */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../tests/tools.ts";
import { decode } from "./decoder.ts";
import { disassemble } from "./disassembler.ts";
import { comparable, hex, listFile, type Listing } from "./testing/objdump.ts";

const hasTools = await hasTool("objdump", "it is the witness for the disassembler") &&
  await hasTool("gcc", "it makes the code to disassemble");

async function gcc(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("gcc", { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`gcc ${args.join(" ")} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}

function text(bytes: string, address = 0x1000): string {
  const code = Uint8Array.from(bytes.split(" "), (pair) => parseInt(pair, 16));
  const instruction = decode(code, 0, code.length);
  return instruction === null ? "incomplete" : disassemble(instruction, address);
}

function difference(listing: Listing): string | undefined {
  const { bytes, address } = listing;
  const instruction = decode(bytes, 0, bytes.length);
  if (instruction === null || instruction.length !== bytes.length) {
    return `${hex(bytes)}: objdump ${listing.text}, we have length ${instruction?.length}`;
  }
  const ours = disassemble(instruction, address);
  if (comparable(ours) === comparable(listing.text)) return undefined;
  return `${hex(bytes)}: objdump ${listing.text}, we ${ours}`;
}

/** Compares a whole file; returns how many instructions agreed. */
async function assertAgrees(path: string): Promise<number> {
  let count = 0;
  const wrong: string[] = [];
  for await (const listing of listFile(path)) {
    const found = difference(listing);
    if (found) wrong.push(found);
    else count++;
  }
  assertEquals(wrong.slice(0, 20), [], `${wrong.length} differences in ${path}`);
  return count;
}

const C_SOURCE = new URL("testing/families.c", import.meta.url).pathname;

for (const flags of ["-msse2 -mfpmath=sse", "-mfpmath=387", "-march=nehalem -O3"]) {
  Deno.test({
    name: `what gcc -m32 -O2 ${flags} makes of C reads as in objdump`,
    ignore: !hasTools,
    async fn() {
      const object = await Deno.makeTempFile({ suffix: ".o" });
      try {
        const options = ["-m32", "-O2", ...flags.split(" "), "-ffreestanding", "-fno-pic"];
        await gcc(...options, "-c", C_SOURCE, "-o", object);
        assert(await assertAgrees(object) > 3000);
      } finally {
        await Deno.remove(object);
      }
    },
  });
}

async function findLibrary(): Promise<string | undefined> {
  if (!hasTools) return undefined;
  const path = await gcc("-m32", "-print-file-name=libc.a");
  if (path !== "libc.a") return path;
  console.warn(
    "ignored here, because gcc-multilib is not installed: a 32-bit libc.a to disassemble",
  );
}

const library = await findLibrary();

Deno.test({
  name: "every instruction of a 32-bit C library has the length and the text objdump says",
  ignore: library === undefined,
  async fn() {
    assert(await assertAgrees(library as string) > 100_000);
  },
});

Deno.test("string instructions, which list no operands, are written out", () => {
  assertEquals(text("f3 a5"), "rep movs DWORD PTR es:[edi],DWORD PTR ds:[esi]");
  assertEquals(text("66 65 a5"), "movs   WORD PTR es:[edi],WORD PTR gs:[esi]");
  assertEquals(text("f2 ae"), "repnz scas al,BYTE PTR es:[edi]");
  assertEquals(text("f3 a6"), "repz cmps BYTE PTR ds:[esi],BYTE PTR es:[edi]");
  assertEquals(text("67 aa"), "stos   BYTE PTR es:[di],al");
  assertEquals(text("f3 6e"), "rep outs dx,BYTE PTR ds:[esi]");
  assertEquals(text("d7"), "xlat   BYTE PTR ds:[ebx]");
});

Deno.test("a branch shows the address it goes to", () => {
  assertEquals(text("eb fe", 0x8048000), "jmp    0x8048000");
  assertEquals(text("e8 fb ff ff ff", 0xfffffff0), "call   0xfffffff0");
  assertEquals(text("66 eb 00", 0x12345), "jmp    0x2348");
  assertEquals(text("9a 11 22 33 44 55 66"), "call   0x6655:0x44332211");
  assertEquals(text("ff 18"), "call   FWORD PTR [eax]");
});

Deno.test("an encoding that raises #UD is (bad), except those made for it", () => {
  assertEquals(text("f0 01 c0"), "(bad)");
  assertEquals(text("0f 0a 07"), "(bad)");
  assertEquals(text("0f 0b"), "ud2");
  assertEquals(text("0f b9 c1"), "ud1    eax,ecx");
});

Deno.test("the virtual instructions have their names", () => {
  assertEquals(text("0f 0a 00"), "idle");
  assertEquals(text("0f 0a 01"), "terminate");
});
