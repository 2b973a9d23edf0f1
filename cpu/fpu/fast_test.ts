import { assertEquals } from "@std/assert";
import { MM_WORD, type Operation } from "../operation.ts";
import { CpuState, FPU_STATUS, FPU_TAG } from "../state.ts";
import { stackArithmetic } from "./arithmetic.ts";
import { type FastName, fastRoot, fastStack, stackCode } from "./fast_arithmetic.ts";
import { fsqrt } from "./arithmetic.ts";
import { flush } from "./pair.ts";

let seed = 1;
function random(): number {
  seed = Math.imul(seed, 1664525) + 1013904223 | 0;
  return seed >>> 8;
}

function word(): number {
  return random() << 16 ^ random();
}

/** Significands of few, 53, 64 and almost a power of two's bits; exponents near each other or anywhere. */
function putNumber(cpu: CpuState, p: number): void {
  const at = MM_WORD + 4 * p, kind = random() % 6;
  let high = word() | 0x80000000, low = word();
  if (kind === 0) [high, low] = [0x80000000 | random() << 24, 0];
  else if (kind === 1) low &= ~0x7ff;
  else if (kind === 2) [high, low] = [0x80000000, random() % 3];
  else if (kind === 3) [high, low] = [0xffffffff, ~(random() % 0x1000)];
  else if (kind === 4) low = low & ~0xfff | [0, 0x400, 0x800, 0xc00, 0x3ff, 0x401][random() % 6];
  const spread = [1, 4, 80, 1700][random() % 4];
  const exponent = random() % 40 === 0 ? 0 : 0x3fff + random() % spread - (spread >> 1);
  if (exponent === 0) high = low = 0;
  cpu.i32[at] = low;
  cpu.i32[at + 1] = high;
  cpu.u16[2 * at + 4] = exponent | (random() & 0x8000);
}

function compare(fast: Operation, code: number, exact: Operation, text: string): void {
  const before = new CpuState(), a = new CpuState(), b = new CpuState();
  for (let round = 0; round < 4000; round++) {
    before.reset();
    before.i32[FPU_TAG] = 0;
    before.i32[FPU_STATUS] = (random() & 7) << 11;
    for (let p = 0; p < 8; p++) putNumber(before, p);
    a.i32.set(before.i32);
    b.i32.set(before.i32);
    // A second time with a result that is in its pair.
    for (let turn = 0; turn < 2; turn++) {
      assertEquals(fast(a, 0, 1, code), exact(b, 0, 1, 0));
      if (turn === 1) flush(a);
    }
    assertEquals(a.i32, b.i32, `${text}, round ${round}`);
  }
}

Deno.test("arithmetic on pairs of doubles gives the bits and flags of exact arithmetic", () => {
  for (const name of ["add", "sub", "mul", "div"] satisfies FastName[]) {
    for (const reverse of [false, true]) {
      for (const pops of [false, true]) {
        const exact = stackArithmetic(name, reverse, pops);
        compare(fastStack, stackCode(name, reverse, pops, exact), exact, name);
      }
    }
  }
  compare(fastRoot, 0, fsqrt, "sqrt");
});
