/**
 * Every form of the SSE table against the host's processor, with operands at the edges and at random.
 * The seed is printed; `DENALI_SEED=N` repeats a run, `DENALI_CASES=N` sets the cases per instruction.
 */

import { assertEquals } from "@std/assert";
import { type Case, part, randomSource, Silicon, type Stub } from "../../tests/silicon/harness.ts";
import type { Form } from "../form.ts";
import { SSE_FORMS } from "./table.ts";
import { hasLibc32 } from "../../tests/tools.ts";

const ignore = !await hasLibc32("the host's processor is asked by a 32-bit program");

/** Each processor has its own tables for these; control_test.ts checks their error bound. */
const APPROXIMATIONS = /^r(cp|sqrt)[ps]s/;

const POINTERS: Record<number, string> = {
  0: "byte ptr",
  1: "byte ptr",
  2: "word ptr",
  4: "dword ptr",
  8: "qword ptr",
  16: "xmmword ptr",
};

/** All ways to write a form: register and memory, the same register twice, several immediates. */
function instructions(form: Form): string[] {
  const shift = /^ps[rl]/.test(form.mnemonic);
  let texts = [""];
  form.patterns.forEach((pattern, place) => {
    const choices = pattern.kinds.flatMap((kind) => {
      switch (kind) {
        case "xmm":
          return place === 0 ? ["xmm1"] : ["xmm2", "xmm1"];
        case "mm":
          return place === 0 ? ["mm1"] : ["mm2", "mm1"];
        case "reg":
          return place === 0 ? ["ecx"] : ["edx"];
        case "imm":
          return form.mnemonic.startsWith("cmp")
            ? ["0", "1", "2", "3", "4", "5", "6", "7"]
            : shift
            ? ["0", "1", "7", "15", "16", "31", "33", "63", "64", "255"]
            : ["0", "1", "2", "3", "7", "9", "15", "17", "0x1b", "0x4e", "0xe4", "255"];
        default:
          return [`${POINTERS[pattern.bytes]} [edi]`];
      }
    });
    texts = texts.flatMap((text) => choices.map((choice) => text + (place ? ", " : " ") + choice));
  });
  return texts.map((text) => form.mnemonic + text);
}

const SINGLES = [
  0,
  0x80000000,
  0x3f800000,
  0xbf800000,
  1,
  0x80000001,
  0x007fffff,
  0x00800000,
  0x80800000,
  0x00800001,
  0x7f7fffff,
  0xff7fffff,
  0x7f800000,
  0xff800000,
  0x7fc00000,
  0xffc00001,
  0x7f800001,
  0xffabcdef,
  0x4effffff,
  0x4f000000,
  0xcf000000,
  0xcf000001,
  0x3f000000,
  0x3fc00000,
  0xc0200000,
  0x3f800001,
  0x33800000,
  0x34000000,
  0x4b000001,
  0x00ffffff,
  0x5f3759df,
  0x1fffffff,
  0x20000000,
  0x3effffff,
];
const DOUBLES: [number, number][] = [
  [0, 0],
  [0, 0x80000000],
  [0, 0x3ff00000],
  [0, 0xbff00000],
  [1, 0],
  [1, 0x80000000],
  [0xffffffff, 0xfffff],
  [0, 0x00100000],
  [1, 0x00100000],
  [0, 0x80100000],
  [0xffffffff, 0x7fefffff],
  [0xffffffff, 0xffefffff],
  [0, 0x7ff00000],
  [0, 0xfff00000],
  [0, 0x7ff80000],
  [1, 0xfff80000],
  [1, 0x7ff00000],
  [0x12345678, 0xfff34567],
  [0xffc00000, 0x41dfffff],
  [0, 0x41e00000],
  [0, 0xc1e00000],
  [0x00100000, 0xc1e00000],
  [0x00200000, 0xc1e00000],
  [0, 0x3fe00000],
  [0, 0x3ff80000],
  [0, 0xc0040000],
  [1, 0x3ff00000],
  [0, 0x3ca00000],
  [0, 0x3cb00000],
  [0, 0x38100000],
  [0xe0000000, 0x380fffff],
  [0, 0x36a00000],
  [1, 0x36900000],
  [0xefffffff, 0x47efffff],
  [0xf0000000, 0x47efffff],
  [0x10000000, 0x3ff00000],
  [0, 0x1ff00000],
  [0, 0x20000000],
  [0xffffffff, 0x3fdfffff],
];
const INTEGERS = [
  0,
  1,
  0xffffffff,
  0x7fffffff,
  0x80000000,
  0x7fff8000,
  0x8000ffff,
  0x00ff00ff,
  0x7f80ff01,
  0x01000001,
  0x00010203,
  0x80818283,
  0x00007fff,
  0xffff8000,
  0x01fffffe,
  16,
  31,
  32,
  63,
  64,
];

function fill(bytes: Uint8Array, random: () => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kind = random() % 8;
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    if (kind < 2) {
      view.setUint32(at, SINGLES[random() % SINGLES.length], true);
    } else if (kind < 4 && (at & 4) === 0 && at + 8 <= bytes.length) {
      const [low, high] = DOUBLES[random() % DOUBLES.length];
      view.setUint32(at, low, true);
      view.setUint32(at + 4, high, true);
    } else if (kind >= 4) {
      const word = INTEGERS[random() % INTEGERS.length];
      // Random significands with exponents near one another, in both formats.
      const single = random() & 0x807fffff | (0x3f800000 + (random() % 8 << 23));
      const double = random() & 0x800fffff | (0x3ff00000 + (random() % 8 << 20));
      view.setUint32(at, [word, random(), single, (at & 4) ? double : random()][kind - 4], true);
    }
  }
}

function fillCase(c: Case, random: () => number, index: number): void {
  fill(part.xmm1(c), random);
  fill(part.xmm2(c), random);
  fill(part.memory(c), random);
  for (let i = 0; i < 8; i++) {
    fill(part.physical(c, i).subarray(0, 8), random);
    part.physical(c, i)[8] = random();
    part.physical(c, i)[9] = random();
  }
  part.setGeneral(c, 1, index % 2 ? INTEGERS[random() % INTEGERS.length] : random());
  part.setGeneral(c, 2, index % 2 ? INTEGERS[random() % INTEGERS.length] : random());
  part.setStatus(c, random() & 0x4700 | (random() & 7) << 11);
  if (index % 16 === 5) {
    // An unmasked x87 exception is pending: MMX instructions raise #MF.
    part.setControl(c, 0x37e);
    part.setStatus(c, 0x8081 | (random() & 7) << 11);
  }
  part.setValid(c, random() & 0xff);
  part.setFlags(c, 0x202 | random() & 0x8d5);
  const sticky = random() & 0x3f;
  const choice = index % 4;
  if (choice === 0) part.setMxcsr(c, 0x1f80);
  else if (choice === 1) part.setMxcsr(c, 0x1f80 | sticky);
  else if (choice === 2) part.setMxcsr(c, 0x1f80 | sticky | random() & 0xe040);
  else part.setMxcsr(c, random() & 0xffc0 | (random() & 1 ? sticky : 0));
}

const seed = Number(Deno.env.get("DENALI_SEED") ?? 20021209);
const perStub = Number(Deno.env.get("DENALI_CASES") ?? 64);

/** Loading these would be #GP or change what the harness itself needs. */
function isControl(stub: Stub): boolean {
  return stub.text.startsWith("ldmxcsr");
}

Deno.test("every MMX and SSE instruction gives what the host's processor gives", { ignore }, () => {
  const only = new RegExp(Deno.env.get("DENALI_ONLY") ?? "");
  const forms = SSE_FORMS.filter((f) => !APPROXIMATIONS.test(f.mnemonic) && only.test(f.mnemonic));
  const silicon = new Silicon(forms.flatMap(instructions), 16);
  const random = randomSource(seed);
  for (const stub of silicon.stubs) {
    const { memory, loads, stores } = stub.binding;
    if (memory !== null) assertEquals(memory.size, loads || stores, `${stub.text}: operand size`);
    for (let i = 0; i < perStub; i++) {
      const c = silicon.add(stub);
      fillCase(c, random, i);
      if (isControl(stub)) part.memory(c)[3] = part.memory(c)[2] = random() % 8 ? 0 : 1;
    }
  }
  const { cases, differences, report } = silicon.compare();
  console.log(`${silicon.stubs.length} instructions, ${cases} cases, seed ${seed}`);
  assertEquals(differences, 0, `DENALI_SEED=${seed}\n${report}`);
});
