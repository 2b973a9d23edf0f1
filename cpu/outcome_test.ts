/**
 * Where control goes, against objdump's reading of real code: what it calls a jump, a call or a return
 * must be one here, and everything else must go on to the next instruction.
 */

import { assert, assertEquals } from "@std/assert";
import { hasTool } from "../tests/tools.ts";
import { decode } from "./decoder.ts";
import { X86_DE, X86_GP, X86_UD } from "./engine.ts";
import { createOutcomes, NO_FAULT } from "./outcome.ts";
import { hex, listFile, type Listing } from "./testing/objdump.ts";

const hasTools = await hasTool("objdump", "it is the witness for the flow of control") &&
  await hasTool("gcc", "it makes the code to look at");

const outcomes = createOutcomes();

function outcomeOf(bytes: readonly number[] | Uint8Array) {
  const code = Uint8Array.from(bytes);
  const instruction = decode(code, 0, code.length);
  if (instruction === null) throw new Error(`expected an instruction, got ${hex(code)}`);
  return outcomes(instruction);
}

function difference({ text, bytes }: Listing): string | undefined {
  const plain = text.replace(/^(bnd|notrack|repz|repnz) /, "");
  const expected = {
    continues: !/^(jmpw?|ret|retw|ud2)\b/.test(plain),
    branches: /^(j\w+|callw?|loop\w*) +0x/.test(plain),
  };
  const { continues, branches, fault } = outcomeOf(bytes);
  const got = { continues: continues && fault !== X86_UD, branches };
  return JSON.stringify(got) === JSON.stringify(expected) ? undefined : `${hex(bytes)} ${text}`;
}

Deno.test({
  name: "control goes where objdump's reading of compiled code says",
  ignore: !hasTools,
  async fn() {
    const object = await Deno.makeTempFile({ suffix: ".o" });
    const source = new URL("testing/families.c", import.meta.url).pathname;
    try {
      const args = ["-m32", "-O2", "-msse2", "-ffreestanding", "-fno-pic", "-c", source];
      const { success } = await new Deno.Command("gcc", { args: [...args, "-o", object] }).output();
      assert(success);
      const wrong: string[] = [];
      let count = 0;
      for await (const listing of listFile(object)) {
        const found = difference(listing);
        if (found) wrong.push(found);
        count++;
      }
      assertEquals(wrong.slice(0, 20), []);
      assert(count > 3000);
    } finally {
      await Deno.remove(object);
    }
  },
});

const CASES: readonly [what: string, bytes: number[], continues: boolean, branches: boolean][] = [
  ["an indirect call comes back", [0xff, 0xd0], true, false],
  ["an indirect jump does not", [0xff, 0xe0], false, false],
  ["a return does not", [0xc2, 4, 0], false, false],
  ["loop goes both ways", [0xe2, 0xfe], true, true],
  ["jecxz goes both ways", [0xe3, 0x10], true, true],
  ["a jump of 16 bits goes one way", [0x66, 0xe9, 0, 1], false, true],
  ["out goes on behind the kernel's work", [0xe6, 0x10], true, false],
  ["insb goes on", [0xf3, 0x6c], true, false],
  ["idle goes on", [0x0f, 0x0a, 0], true, false],
  ["terminate does not", [0x0f, 0x0a, 1], false, false],
  ["iret does not", [0xcf], false, false],
  ["int3 goes on behind its handler", [0xcc], true, false],
  ["into goes on", [0xce], true, false],
  ["rep movsd goes on", [0xf3, 0xa5], true, false],
  ["repne scasb goes on", [0xf2, 0xae], true, false],
  ["rdtsc goes on", [0x0f, 0x31], true, false],
  ["an x87 instruction goes on", [0xd9, 0xfe], true, false],
];

for (const [what, bytes, continues, branches] of CASES) {
  Deno.test(`flow of control: ${what}`, () => {
    const outcome = outcomeOf(bytes);
    assertEquals([outcome.continues, outcome.branches], [continues, branches]);
    assertEquals(outcome.fault, NO_FAULT);
  });
}

Deno.test("a fault that comes in every state is told from one that depends on it", () => {
  assertEquals(outcomeOf([0xfa]).fault, X86_GP);
  assertEquals(outcomeOf([0x0f, 0x0b]).fault, X86_UD);
  assertEquals(outcomeOf([0xd4, 0]).fault, X86_DE, "aam 0");
  assertEquals(outcomeOf([0xcd, 0x80]).fault, X86_GP, "int 0x80");
  assertEquals(outcomeOf([0x2e, 0x89, 0x00]).fault, X86_GP, "a store through CS");
  const load = outcomeOf([0x8e, 0xd8]);
  assertEquals([load.fault, load.selectorFault], [NO_FAULT, true], "mov ds,eax");
  const thread = outcomeOf([0x8e, 0xe8]);
  assertEquals([thread.fault, thread.selectorFault], [NO_FAULT, false], "mov gs,eax");
  const aligned = outcomeOf([0x0f, 0x28, 0x00]);
  assertEquals([aligned.fault, aligned.selectorFault], [NO_FAULT, false], "movaps xmm0,[eax]");
});
