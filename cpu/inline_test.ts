/** What is written in the IR, on both engines, against the operation that it stands for. */

import { assertEquals } from "@std/assert";
import { decode } from "./decoder.ts";
import { type Engine, EXIT_EXCEPTION, EXIT_TERMINATE, type Pool } from "./engine.ts";
import { Evaluator } from "./evaluator.ts";
import { createPool, FlatSpace } from "./flat_space.ts";
import { ARITHMETIC_FLAGS, readFlags } from "./flags.ts";
import { type Binding, MEMORY_BYTE } from "./operation.ts";
import { bindOperation } from "./operations.ts";
import {
  CpuState,
  EAX,
  EBX,
  EIP,
  EXIT_VECTOR,
  MXCSR,
  SCRATCH,
  XMM_BYTE,
  XMM_STRIDE,
} from "./state.ts";
import { Translator } from "./translator/translator.ts";

const CODE = 0x1000, DATA = 0x2100, TERMINATE = [0x0f, 0x0a, 0x01];

const DOUBLES = [
  ...[0, 1, 1 / 3, -2.5, 4, 2 ** 31, -(2 ** 31), 2147483646.5, 1e300, 1e-300, 2 ** -1022, 5e-324],
  ...[Number.MAX_VALUE, Infinity, -Infinity, -0, 2 ** -126, 3e38, 3.5e38, 1e-40, 0.1, 2 ** 53 + 2],
];
const SINGLES = [0, 1, 1 / 3, -2.5, 3e38, 1e-38, 2 ** -126, 1e-45, Infinity, -0, 2 ** 31, 0.1];
const NANS = [0x7ff80000, 0xfff00001, 0x7ff00001, 0x7fc00000, 0xffffffff, 0xff800001];
/** Default, inexact, DAZ, FTZ, each rounding mode, unmasked. */
const CONTROLS = [0x1f80, 0x1fa0, 0x1fa0, 0x1fe0, 0x9fa0, 0x3fa0, 0x5fa0, 0x7fa0, 0x20, 0x1d80];

let seed = 7;
function random(below: number): number {
  seed = Math.imul(seed, 1664525) + 1013904223 | 0;
  return (seed >>> 8) % below;
}

function fill(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    const kind = random(8);
    if (kind < 4) view.setFloat64(at, DOUBLES[random(DOUBLES.length)], true);
    else if (kind === 4) view.setInt32(at + 4, NANS[random(NANS.length)], true);
    else {
      view.setFloat32(at, SINGLES[random(SINGLES.length)], true);
      view.setFloat32(at + 4, SINGLES[random(SINGLES.length)], true);
    }
  }
}

/** Every SSE instruction with an inline, on registers and in memory, as code and binding. */
function* instructions(): Generator<[code: number[], binding: Binding]> {
  const codes = new Set<string>();
  for (const prefix of [[], [0x66], [0xf2], [0xf3]]) {
    for (let opcode = 0x10; opcode < 0x100; opcode++) {
      for (const modrm of [0xc1, 0xc0, 0xd3, 0x03, 0x13]) {
        const immediate = random(256);
        const window = [...prefix, 0x0f, opcode, modrm, immediate, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        const instruction = decode(Uint8Array.from(window), 0, window.length);
        if (instruction === null || instruction.invalid) continue;
        const binding = bindOperation(instruction);
        if (binding === null || binding.inline === null) continue;
        const code = window.slice(0, instruction.length);
        if (codes.has(code.join())) continue;
        codes.add(code.join());
        yield [code, binding];
      }
    }
  }
}

/** The recipe of operation.ts; returns the vector of a fault, or 0. */
function runOperation(cpu: CpuState, pool: Pool, address: number, binding: Binding): number {
  if (binding.alignment !== 0 && (address & 15) !== 0) return 13;
  const buffer = cpu.u8.subarray(MEMORY_BYTE, MEMORY_BYTE + 16);
  if (binding.loads > 0) buffer.set(pool.u8.subarray(address, address + binding.loads));
  const { destination, source, immediate } = binding;
  const result = binding.operation(cpu, destination, source, immediate);
  if (result > 0) return result;
  if (binding.stores > 0) pool.u8.set(buffer.subarray(0, binding.stores), address);
  return 0;
}

Deno.test("what is written in the IR does what the operation does that it stands for", () => {
  const pool = createPool(0x5000), memory = pool.u8.subarray(DATA, DATA + 0x1000);
  const space = new FlatSpace(4);
  const engines: Engine[] = [
    new Evaluator({ pool, timestamp: () => 0 }),
    new Translator({ pool, timestamp: () => 0, translateAfter: 0 }),
  ];
  const before = new CpuState(), expected = new CpuState(), cpu = new CpuState();
  const registers = (state: CpuState) =>
    state.u8.slice(XMM_BYTE, XMM_BYTE + 8 * XMM_STRIDE).toString();
  let count = 0;
  for (const [code, binding] of instructions()) {
    count++;
    for (const engine of engines) engine.dropFrame(CODE);
    pool.u8.set([...code, ...TERMINATE], CODE);
    for (let round = 0; round < 40; round++) {
      before.reset();
      fill(before.u8.subarray(XMM_BYTE, XMM_BYTE + 8 * XMM_STRIDE));
      fill(memory.subarray(0, 0x40));
      const address = DATA + [0, 0, 16, 8, 4, 0xef8, 0xefc, 0xef6][random(8)];
      before.i32[MXCSR] = CONTROLS[random(CONTROLS.length)];
      before.i32[EAX] = random(1 << 24) << 8;
      before.i32[EBX] = address;
      before.i32[EIP] = CODE;
      const data = memory.slice();
      expected.i32.set(before.i32);
      const vector = runOperation(expected, pool, address, binding);
      const written = memory.slice();
      for (const engine of engines) {
        memory.set(data);
        cpu.i32.set(before.i32);
        const exit = engine.run(cpu, space, 10);
        const text = `${code.map((byte) => byte.toString(16))} at ${address.toString(16)}`;
        assertEquals(exit === EXIT_EXCEPTION ? cpu.i32[EXIT_VECTOR] : 0, vector, text);
        assertEquals(registers(cpu), registers(expected), text);
        assertEquals(cpu.i32[MXCSR], expected.i32[MXCSR], text);
        assertEquals(cpu.i32.slice(0, 8), expected.i32.slice(0, 8), text);
        assertEquals(memory, written, text);
        if (binding.writesFlags && vector === 0) {
          assertEquals(readFlags(cpu) & ARITHMETIC_FLAGS, expected.i32[SCRATCH], text);
        }
      }
    }
  }
  assertEquals(count > 100, true);
});

Deno.test("every condition code after a comparison of doubles is that of its flags", () => {
  const pool = createPool(0x4000), space = new FlatSpace(4);
  // Pairs, and whether CF, PF and ZF are set.
  const cases: [number, number, boolean, boolean, boolean][] = [
    [1, 2, true, false, false],
    [2, 1, false, false, false],
    [1, 1, false, false, true],
    [NaN, 1, true, true, true],
    [5e-324, 0, false, false, false],
  ];
  for (
    const engine of [
      new Evaluator({ pool, timestamp: () => 0 }),
      new Translator({ pool, timestamp: () => 0, translateAfter: 0 }),
    ]
  ) {
    for (let code = 0; code < 16; code++) {
      engine.dropFrame(CODE);
      // ucomisd xmm0, xmm1; jcc over one byte; inc eax
      pool.u8.set([0x66, 0x0f, 0x2e, 0xc1, 0x70 + code, 1, 0x40, ...TERMINATE], CODE);
      for (const [a, b, carry, parity, zero] of cases) {
        const cpu = new CpuState();
        cpu.f64.set([a, 0, b], XMM_BYTE >> 3);
        cpu.i32[EIP] = CODE;
        assertEquals(engine.run(cpu, space, 10), EXIT_TERMINATE);
        const holds = [false, carry, zero, carry || zero, false, parity, false, zero][code >> 1];
        assertEquals(cpu.i32[EAX], holds === ((code & 1) === 0) ? 0 : 1, `${code} of ${a}, ${b}`);
      }
    }
  }
});
