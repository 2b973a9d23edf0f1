/** The reciprocal approximations: every processor has its own, the architecture bounds the error. */

import { assert, assertEquals } from "@std/assert";
import { CpuState } from "../state.ts";
import { reciprocal, reciprocalRoot } from "./control.ts";
import { result, resultSingle } from "./lane.ts";

const BOUND = 1.5 * 2 ** -12;
const WORD = 100;

function run(lane: typeof reciprocal, bits: number): number {
  const cpu = new CpuState();
  cpu.i32[WORD] = bits;
  assertEquals(lane(cpu, WORD, WORD, 0), 0, "approximations raise nothing");
  return resultSingle[0];
}

Deno.test("approximations are within 1.5 * 2^-12 of the exact result", () => {
  const single = new Float32Array(1), word = new Int32Array(single.buffer);
  for (let bits = 0x00800000; bits < 0x7e000000; bits += 0x3f1357) {
    word[0] = bits;
    const x = single[0];
    const root = run(reciprocalRoot, bits), inverse = run(reciprocal, bits);
    assert(Math.abs(root * Math.sqrt(x) - 1) <= BOUND, `rsqrt of ${x} gave ${root}`);
    assert(Math.abs(inverse * x - 1) <= BOUND, `rcp of ${x} gave ${inverse}`);
  }
});

Deno.test("approximations treat denormals as zero and keep the sign", () => {
  assertEquals(run(reciprocal, 1), Infinity);
  assertEquals(run(reciprocal, 0x80000001 | 0), -Infinity);
  assertEquals(run(reciprocalRoot, 0x80000000 | 0), -Infinity);
  assert(Object.is(run(reciprocal, 0xff800000 | 0), -0));
  assert(Object.is(run(reciprocal, 0x7f000001), 0), "a denormal result is flushed");
});

Deno.test("an approximation of a NaN is that NaN made quiet, of a negative root the default NaN", () => {
  run(reciprocal, 0xffa12345 | 0);
  assertEquals(result[0] >>> 0, 0xffe12345);
  run(reciprocalRoot, 0xbf800000 | 0);
  assertEquals(result[0] >>> 0, 0xffc00000);
});
