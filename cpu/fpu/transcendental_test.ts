/**
 * The x87 transcendental instructions against the host's processor: results within one unit in the last
 * place, everything else (flags, stack, special operands) equal except C1, which says how it rounded.
 */

import { assertEquals } from "@std/assert";
import { type Case, part, randomSource, Silicon, type Stub } from "../../tests/silicon/harness.ts";
import { hasLibc32 } from "../../tests/tools.ts";

const ignore = !await hasLibc32("the host's processor is asked by a 32-bit program");

const INSTRUCTIONS = ["fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1", "fyl2x", "fyl2xp1"];

const C1 = 0x200;

/** Significand and exponent as one integer: neighbours differ by 1. */
function position(register: Uint8Array): bigint {
  const view = new DataView(register.buffer, register.byteOffset, 10);
  const head = view.getUint16(8, true);
  const significand = view.getBigUint64(0, true) & 0x7fffffffffffffffn;
  const size = BigInt(head & 0x7fff) << 63n | significand;
  return (head & 0x8000) === 0 ? size : -size;
}

/** The largest distance in units in the last place, or -1 if something else differs. */
function distance(silicon: Uint8Array, denali: Uint8Array): number {
  let largest = 0;
  const a: Case = { bytes: silicon, words: new Uint32Array(silicon.buffer) };
  const b: Case = { bytes: denali, words: new Uint32Array(denali.buffer) };
  for (let i = 0; i < 8; i++) {
    const difference = position(part.physical(a, i)) - position(part.physical(b, i));
    largest = Math.max(largest, Number(difference < 0n ? -difference : difference));
  }
  const rest = (c: Case) => {
    const bytes = c.bytes.slice();
    const copy: Case = { bytes, words: new Uint32Array(bytes.buffer) };
    for (let i = 0; i < 8; i++) part.physical(copy, i).fill(0);
    part.setStatus(copy, part.status(copy) & ~C1);
    return bytes.toString();
  };
  return rest(a) === rest(b) ? largest : -1;
}

const EXTENDED: [number, number, number][] = [
  [0, 0, 0],
  [0x8000, 0, 0],
  [0x3fff, 0x80000000, 0],
  [0xbfff, 0x80000000, 0],
  [0x3ffe, 0x80000000, 0],
  [0xbffe, 0x80000000, 0],
  [0x3fff, 0xc90fdaa2, 0x2168c235], // pi / 2, rounded
  [0x4000, 0xc90fdaa2, 0x2168c235], // pi
  [0x3ffe, 0xc90fdaa2, 0x2168c235], // pi / 4
  [0x4000, 0x80000000, 0],
  [0x3ffd, 0x80000000, 0],
  [0x3ffd, 0x95f61998, 0x0c4336f7], // 1 - sqrt(1/2), about
  [0x403d, 0xffffffff, 0xffffffff],
  [0x403e, 0x80000000, 0],
  [0xc03e, 0x80000000, 0],
  [0x3fff, 0x80000000, 1],
  [0x3ffe, 0xffffffff, 0xffffffff],
  [0x7fff, 0x80000000, 0],
  [0xffff, 0x80000000, 0],
  [0x7fff, 0xc0000000, 7],
  [0xffff, 0xa0000000, 7],
  [0, 0, 1],
  [0, 0x7fffffff, 0xffffffff],
  [1, 0x80000000, 0],
  [0x7fff, 0, 0],
];

function fillOperand(bytes: Uint8Array, random: () => number, largestExponent: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (random() % 4 === 0) {
    const [head, high, low] = EXTENDED[random() % EXTENDED.length];
    view.setUint32(0, low, true);
    view.setUint32(4, high, true);
    view.setUint16(8, head, true);
    return;
  }
  const spread = random() % 3 === 0 ? 80 : 8;
  view.setUint32(0, random(), true);
  view.setUint32(4, random() | 0x80000000, true);
  view.setUint16(8, random() & 0x8000 | largestExponent - random() % spread, true);
}

/** Operands for which the manual defines a result. */
function isDefined(text: string, operand: Uint8Array): boolean {
  const size = position(operand) < 0n ? -position(operand) : position(operand);
  const one = 0x3fffn << 63n;
  if (text === "f2xm1") return size <= one;
  if (text === "fyl2xp1") return size < (0x3ffdn << 63n | 0x15f619980c4336f7n);
  return true;
}

const seed = Number(Deno.env.get("DENALI_SEED") ?? 20021209);
const perStub = Number(Deno.env.get("DENALI_CASES") ?? 2000);

Deno.test("x87 transcendentals are within one unit in the last place of the host's processor", {
  ignore,
}, () => {
  const silicon = new Silicon(INSTRUCTIONS, 0);
  const random = randomSource(seed);
  for (const stub of silicon.stubs) {
    const largest = /^(f2xm1|fyl2xp1)$/.test(stub.text) ? 0x3ffe : 0x3fff + 12;
    for (let i = 0; i < perStub; i++) {
      const c = silicon.add(stub);
      const top = random() & 7;
      for (let r = 0; r < 8; r++) fillOperand(part.physical(c, r), random, largest);
      const operand = part.physical(c, top);
      if (!isDefined(stub.text, operand)) operand.fill(0);
      part.setStatus(c, top << 11);
      part.setValid(c, (i % 16 === 0 ? random() : 3 << top | 3 >> 8 - top) & 0xff);
      if (i % 4 === 3) part.setControl(c, 0x340 | random() & 0xc3f);
    }
  }
  const histogram = new Map<string, number[]>();
  const { cases, differences, report } = silicon.compare((stub: Stub, chip, ours) => {
    const ulps = distance(chip, ours);
    if (!histogram.has(stub.text)) histogram.set(stub.text, [0, 0, 0]);
    if (ulps < 0 || ulps > 1) return false;
    histogram.get(stub.text)![ulps]++;
    return true;
  });
  console.log(`${cases} cases, seed ${seed}`);
  for (const [name, [same, one]] of histogram) {
    console.log(`  ${name}: ${one} off by one unit, ${same} off in C1 only`);
  }
  assertEquals(differences, 0, `DENALI_SEED=${seed}\n${report}`);
});
