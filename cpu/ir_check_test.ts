import { assertEquals } from "@std/assert";
import { decode } from "./decoder.ts";
import { disassemble } from "./disassembler.ts";
import { ZERO } from "./expression.ts";
import { checkProgram } from "./ir_check.ts";
import { printHandler } from "./printer.ts";
import { createPool } from "./flat_space.ts";
import { createEnvironment } from "./runtime.ts";
import { programOf } from "./semantics/table.ts";
import { literalForm, shapeOf } from "./shape.ts";
import { Vocabulary } from "./vocabulary.ts";

const PREFIXES = [[], [0x66], [0x67], [0xf2], [0xf3], [0x2e], [0x64], [0x66, 0x67], [0xf3, 0x67]];

/** One instruction of every opcode, ModRM form and prefix. */
function* encodings(): Generator<Uint8Array> {
  for (const prefixes of PREFIXES) {
    for (let opcode = 0; opcode < 512; opcode++) {
      const bytes = opcode < 256 ? [opcode] : [0x0f, opcode - 256];
      for (let reg = 0; reg < 8; reg++) {
        for (const modrm of [0x04, 0x05, 0x43, 0x84, 0xc1]) {
          const code = new Uint8Array(24).fill(0x21);
          code.set([...prefixes, ...bytes, modrm | reg << 3]);
          yield code;
        }
      }
    }
  }
}

Deno.test("no instruction can fault after it has changed something", () => {
  const seen = new Set<string>();
  for (const code of encodings()) {
    const instruction = decode(code, 0, code.length)!;
    const { key, form } = shapeOf(instruction);
    if (seen.has(key)) continue;
    seen.add(key);
    assertEquals(checkProgram(programOf(form)), "", disassemble(instruction, 0));
  }
});

Deno.test("a program over constants is no other program than one over slots", () => {
  for (const code of encodings()) {
    const instruction = decode(code, 0, code.length)!;
    const literal = programOf(literalForm(instruction, 0));
    assertEquals(checkProgram(literal), "", disassemble(instruction, 0));
    assertEquals(literal.terminator, programOf(shapeOf(instruction).form).terminator);
  }
});

Deno.test("printed handlers hold nothing but names of the emitter and small numbers", () => {
  const vocabulary = new Vocabulary(Object.keys(createEnvironment(createPool(4096), 16)));
  for (const code of encodings()) {
    const { form } = shapeOf(decode(code, 0, code.length)!);
    const { body } = printHandler([programOf(form)]);
    assertEquals(vocabulary.check(body), "");
    // 0x21212121, what displacements and immediates above consist of.
    assertEquals(body.includes("555819297"), false, body);
  }
});

Deno.test("the check finds a store after a register has changed", () => {
  const wrong = checkProgram({
    body: [
      { op: "setRegister", width: 32, index: ZERO, value: ZERO },
      { op: "store", width: 32, address: ZERO, value: ZERO, reserved: false },
    ],
    terminator: false,
  });
  assertEquals(wrong, "store can fault after the state has changed");
});
