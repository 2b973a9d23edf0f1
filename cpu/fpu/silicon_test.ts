/**
 * Every form of the x87 table against the host's processor, with operands at the edges and at random,
 * all rounding and precision modes, masked and unmasked exceptions, empty and full stacks.
 * The seed is printed; `DENALI_SEED=N` repeats a run, `DENALI_CASES=N` sets the cases per instruction,
 * `DENALI_ONLY=REGEXP` selects mnemonics.
 */

import { assertEquals } from "@std/assert";
import { type Case, part, randomSource, Silicon } from "../../tests/silicon/harness.ts";
import type { Form } from "../form.ts";
import { FPU_FORMS } from "./table.ts";
import { hasLibc32 } from "../../tests/tools.ts";

const ignore = !await hasLibc32("the host's processor is asked by a 32-bit program");

/** Their results are compared with a bound in transcendental_test.ts. */
const TRANSCENDENTAL = /^(fsin|fcos|fsincos|fptan|fpatan|f2xm1|fyl2x|fyl2xp1)$/;

/** These need more memory than the others: the last test. */
const LARGE_IMAGE = /^fx(save|rstor)$/;

const POINTERS: Record<number, string> = {
  2: "word ptr ",
  4: "dword ptr ",
  8: "qword ptr ",
  10: "tbyte ptr ",
};

function instructions(form: Form): string[] {
  const name = form.mnemonic;
  switch (form.patterns.map((pattern) => pattern.kinds[0]).join(" ")) {
    case "":
      return [name];
    case "reg":
      return [`${name} ax`];
    case "st":
      // The assembler does not know it.
      if (name === "fstpnce") return [0, 1, 3, 7].map((i) => `.byte 0xd9, 0xd8 + ${i}`);
      return [0, 1, 3, 7].map((i) => `${name} st(${i})`);
    case "st st": {
      const forward = [0, 1, 3].map((i) => `${name} st, st(${i})`);
      const backward = [1, 3, 7].map((i) => `${name} st(${i}), st`);
      if (/^f(cmov|u?comi)/.test(name)) return forward;
      return name.endsWith("p") ? backward : [...forward, ...backward];
    }
    default: {
      const bytes = form.patterns[0].bytes;
      const narrow = bytes === 14 || bytes === 94 ? "data16 " : "";
      return [`${narrow}${name} ${POINTERS[bytes] ?? ""}[edi]`];
    }
  }
}

/** Extended values: head (sign and exponent), high and low word of the significand. */
const EXTENDED: [number, number, number][] = [
  [0, 0, 0],
  [0x8000, 0, 0],
  [0x3fff, 0x80000000, 0],
  [0xbfff, 0x80000000, 0],
  [0x3fff, 0x80000000, 1],
  [0x3fff, 0xffffffff, 0xffffffff],
  [0x3ffe, 0xffffffff, 0xffffffff],
  [0x3ffe, 0x80000000, 0],
  [0xbffe, 0x80000000, 0],
  [0x4000, 0xc0000000, 0],
  [0xc000, 0xa0000000, 0],
  [0, 0, 1],
  [0x8000, 0x7fffffff, 0xffffffff],
  [0, 0x80000000, 0], // pseudo-denormal
  [1, 0x80000000, 0],
  [0x8001, 0x80000000, 1],
  [0x7ffe, 0xffffffff, 0xffffffff],
  [0xfffe, 0xffffffff, 0xffffffff],
  [0x7ffe, 0x80000000, 0],
  [0x7fff, 0x80000000, 0],
  [0xffff, 0x80000000, 0],
  [0x7fff, 0xc0000000, 0],
  [0xffff, 0xc0000000, 0],
  [0x7fff, 0xc0000000, 5],
  [0xffff, 0xd0000000, 5],
  [0x7fff, 0x80000000, 1],
  [0xffff, 0xbfffffff, 0xffffffff],
  [0x7fff, 0, 0], // unsupported: pseudo-infinity, pseudo-NaN, unnormal
  [0xffff, 0x40000000, 1],
  [0x3fff, 0x7fffffff, 0xffffffff],
  [0x401d, 0xffffffff, 0],
  [0x401e, 0x80000000, 0],
  [0xc01e, 0x80000000, 0],
  [0xc01e, 0x80000000, 0x80000000],
  [0x401d, 0xfffffffe, 0xffffffff],
  [0x403d, 0xffffffff, 0xffffffff],
  [0x403e, 0x80000000, 0],
  [0xc03e, 0x80000000, 0],
  [0xc03e, 0x80000000, 1],
  [0x400d, 0xfffe0000, 0],
  [0xc00e, 0x80000000, 0],
  [0xc00e, 0x80008000, 0],
  [0x3f81, 0x80000000, 0],
  [0x3f80, 0xffffff00, 0],
  [0x3f6a, 0x80000000, 0],
  [0x3f69, 0x80000000, 1],
  [0x3c01, 0x80000000, 0],
  [0x3c00, 0xffffffff, 0xfffff800],
  [0x3bcd, 0x80000000, 0],
  [0x3bcc, 0x80000000, 1],
  [0x407e, 0xffffff00, 0],
  [0x407e, 0xffffff80, 0],
  [0x43fe, 0xffffffff, 0xfffff800],
  [0x43fe, 0xffffffff, 0xfffffc00],
  [0x4001, 0xe0000000, 0],
  [0x403a, 0xde0b6b3a, 0x763fffff],
  [0x403a, 0xde0b6b3a, 0x76400000],
  [0x403a, 0xde0b6b3a, 0x763ffff8],
];

function putExtended(bytes: Uint8Array, head: number, high: number, low: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  view.setUint16(8, head, true);
}

function fillExtended(bytes: Uint8Array, random: () => number): void {
  const kind = random() % 6;
  if (kind < 3) {
    const [head, high, low] = EXTENDED[random() % EXTENDED.length];
    return putExtended(bytes, head, high, low);
  }
  const sign = random() & 0x8000;
  let low = random(), exponent = 0x3fff + random() % 16 - 8;
  if (kind === 4) low = low & 0xfffff800 | [0, 0x400, 1, 0x7ff][random() % 4];
  else if (kind === 5) {
    exponent = random() % 8 === 0 ? random() & 0x7fff : 0x3fff + random() % 200 - 100;
  }
  putExtended(bytes, sign | exponent, random() | 0x80000000, low);
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
  0x7f7fffff,
  0x7f800000,
  0xff800000,
  0x7fc00000,
  0xffc00001,
  0x7f800001,
  0xffabcdef,
  0x40400000,
];
const DOUBLES: [number, number][] = [
  [0, 0],
  [0, 0x80000000],
  [0, 0x3ff00000],
  [1, 0],
  [0xffffffff, 0x800fffff],
  [0, 0x00100000],
  [0xffffffff, 0x7fefffff],
  [0, 0x7ff00000],
  [0, 0xfff00000],
  [0, 0x7ff80000],
  [1, 0x7ff00000],
  [5, 0xfff80000],
  [0x12345678, 0x40091234],
];
const INTEGERS = [
  0,
  1,
  0xffffffff,
  0x7fff,
  0x8000,
  0xffff8000,
  0x80000000,
  0x7fffffff,
  10,
  0x10000,
];

function fillMemory(bytes: Uint8Array, random: () => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 4) view.setUint32(at, random(), true);
  const kind = random() % 6;
  if (kind === 0) {
    view.setUint32(0, SINGLES[random() % SINGLES.length], true);
  } else if (kind === 1) {
    const [low, high] = DOUBLES[random() % DOUBLES.length];
    view.setUint32(0, low, true);
    view.setUint32(4, high, true);
  } else if (kind === 2) {
    view.setUint32(0, INTEGERS[random() % INTEGERS.length], true);
    view.setUint32(4, INTEGERS[random() % INTEGERS.length], true);
  } else if (kind === 3) {
    fillExtended(bytes.subarray(0, 10), random);
  } else if (kind === 4) {
    view.setUint32(0, random() & 0x807fffff | 0x3f800000 + (random() % 8 << 23), true);
    view.setUint32(4, random() & 0x800fffff | 0x3ff00000 + (random() % 8 << 20), true);
  }
}

/** FBLD is undefined for digits above 9. */
function fillDecimal(bytes: Uint8Array, random: () => number): void {
  for (let i = 0; i < 9; i++) bytes[i] = (random() % 10) << 4 | random() % 10;
  bytes[9] = random() & 0x80;
  if (random() % 4 === 0) bytes.fill(0, 0, 9);
}

function fillCase(c: Case, random: () => number, index: number): void {
  for (let i = 0; i < 8; i++) fillExtended(part.physical(c, i), random);
  fillMemory(part.memory(c), random);
  const top = (random() & 7) << 11;
  // Mostly a stack with a few registers in use from TOP up; sometimes anything.
  const used = (1 << random() % 8 + 1) - 1;
  const rotated = (used << (top >> 11) | used >> 8 - (top >> 11)) & 0xff;
  part.setValid(c, index % 8 === 7 ? random() & 0xff : index % 8 === 6 ? 0xff : rotated);
  let control = 0x37f, status = random() & 0x4700 | top;
  const choice = index % 4;
  if (choice === 1) control = 0x7f | random() & 0xf00;
  if (choice === 2) control = 0x37f | random() & 0xc00;
  if (choice === 3) control = 0x40 | random() & 0x1f3f;
  if (index % 3 === 0) status |= random() & 0x7f;
  if ((status & ~control & 0x3f) !== 0) {
    // A pending exception now and then; otherwise only flags that are masked.
    if (index % 16 === 3) status |= 0x8080;
    else status &= ~0x3f | control;
  }
  part.setControl(c, control);
  part.setStatus(c, status);
  part.setFlags(c, 0x202 | random() & 0x8d5);
  part.setGeneral(c, 0, random());
}

const seed = Number(Deno.env.get("DENALI_SEED") ?? 20021209);
const perStub = Number(Deno.env.get("DENALI_CASES") ?? 400);

Deno.test("every x87 instruction gives what the host's processor gives", { ignore }, () => {
  const only = new RegExp(Deno.env.get("DENALI_ONLY") ?? "");
  const forms = FPU_FORMS.filter(({ mnemonic }) =>
    only.test(mnemonic) && !TRANSCENDENTAL.test(mnemonic) && !LARGE_IMAGE.test(mnemonic)
  );
  const silicon = new Silicon(forms.flatMap(instructions), 112);
  const random = randomSource(seed);
  for (const stub of silicon.stubs) {
    for (let i = 0; i < perStub; i++) {
      const c = silicon.add(stub);
      fillCase(c, random, i);
      if (stub.text.startsWith("fbld")) fillDecimal(part.memory(c), random);
    }
  }
  const { cases, differences, report } = silicon.compare();
  console.log(`${silicon.stubs.length} instructions, ${cases} cases, seed ${seed}`);
  assertEquals(differences, 0, `DENALI_SEED=${seed}\n${report}`);
});

Deno.test("fxsave and fxrstor move the state as the host's processor does", { ignore }, () => {
  const silicon = new Silicon(["fxsave [edi]", "fxrstor [edi]"], 512);
  const random = randomSource(seed);
  for (const stub of silicon.stubs) {
    for (let i = 0; i < perStub; i++) {
      const c = silicon.add(stub);
      fillCase(c, random, i);
      const memory = part.memory(c), view = new DataView(memory.buffer, memory.byteOffset);
      for (let at = 0; at < 512; at += 4) view.setUint32(at, random(), true);
      view.setUint32(24, random() & (i % 4 === 0 ? 0x1ffff : 0xffff), true);
      // The instruction pointers are a matter of the whole processor: cpu/operation.ts.
      view.setUint16(6, 0);
      for (let at = 8; at < 24; at += 4) view.setUint32(at, 0);
    }
  }
  const { cases, differences, report } = silicon.compare((_stub, chip, denali) => {
    // MXCSR_MASK tells which bits exist: AMD has one more, which no CPUID bit of Denali promises.
    const mask = chip.length - 512 + 28;
    return chip.every((byte, i) => byte === denali[i] || (i >= mask && i < mask + 4));
  });
  console.log(`${cases} cases, seed ${seed}`);
  assertEquals(differences, 0, `DENALI_SEED=${seed}\n${report}`);
});
