/** Instructions that take long use up a budget of time, on every engine. */

import { assert, assertEquals } from "@std/assert";
import { type AddressSpace, type Engine, EXIT_BUDGET, PAGE_SIZE, PRESENT } from "./engine.ts";
import { Evaluator, type EvaluatorOptions } from "./evaluator.ts";
import { createPool, FlatSpace } from "./flat_space.ts";
import { CpuState, EDI, EIP, XMM_BYTE } from "./state.ts";
import { Translator } from "./translator/translator.ts";

const CODE = 0x4000, PAGES = 32, BUDGET = 20_000;

const ENGINES: Record<string, (options: EvaluatorOptions) => Engine> = {
  evaluator: (options) => new Evaluator(options),
  translator: (options) => new Translator({ ...options, translateAfter: 0 }),
};

/** Endless loops that are nothing but the instruction. */
const LONG: Record<string, readonly number[]> = {
  fcos: [0xd9, 0xff],
  fptan: [0xd9, 0xf2, 0xdd, 0xd8],
  fbstp: [0xdf, 0x35, 0x00, 0x90, 0, 0, 0xd9, 0xeb],
  fprem: [0xd9, 0xf8],
  "fxsave and fxrstor": [0x0f, 0xae, 0x05, 0x00, 0x90, 0, 0, 0x0f, 0xae, 0x0d, 0x00, 0x90, 0, 0],
  // mulps, divps, sqrtps and addpd of zeros and denormals
  denormals: [0x0f, 0x59, 0xc1, 0x0f, 0x5e, 0xc8, 0x0f, 0x51, 0xd1, 0x66, 0x0f, 0x58, 0xd9],
};

function machine(create: (options: EvaluatorOptions) => Engine, exact: boolean, body: number[]) {
  const pool = createPool(PAGES * PAGE_SIZE);
  const space = new FlatSpace(PAGES);
  const engine = create({ pool, timestamp: (cpu) => cpu.retired, exact });
  space.codeCache = engine;
  const cpu = new CpuState();
  pool.u8.set([0xd9, 0xeb, 0xd9, 0xe8], CODE - 4); // fldpi, fld1
  pool.u8.set([...body, 0xeb, 256 - body.length - 2], CODE);
  cpu.i32[EIP] = CODE - 4;
  cpu.i32.fill(0x123, XMM_BYTE >> 2, (XMM_BYTE >> 2) + 32);
  const run = (on: AddressSpace = space) => engine.run(cpu, on, BUDGET);
  return { pool, space, engine, cpu, run };
}

for (const [engine, create] of Object.entries(ENGINES)) {
  for (const [name, body] of Object.entries(LONG)) {
    Deno.test(`a guest that does nothing but ${name} uses up its time: ${engine}`, () => {
      const { engine, cpu, run } = machine(create, false, [...body]);
      for (let round = 1; round < 4; round++) {
        const before = cpu.retired;
        assertEquals(run(), EXIT_BUDGET);
        assert(engine.worked! >= BUDGET, `${engine.worked}`);
        assert(cpu.retired - before < BUDGET / 20, `${cpu.retired - before}`);
      }
    });
  }

  Deno.test(`a guest that does nothing but read the clock uses up its time: ${engine}`, () => {
    const { engine, cpu, run } = machine(create, false, [0x0f, 0x31]);
    assertEquals(run(), EXIT_BUDGET);
    assert(engine.worked! >= BUDGET, `${engine.worked}`);
    assert(cpu.retired < BUDGET / 4, `${cpu.retired}`);
  });

  Deno.test(`what takes long is one instruction where those are counted: ${engine}`, () => {
    const { cpu, run } = machine(create, true, [...LONG.fprem]);
    assertEquals(run(), EXIT_BUDGET);
    assertEquals(cpu.retired, BUDGET);
  });

  Deno.test(`a guest that touches a new page all the time uses up its time: ${engine}`, () => {
    // mov [edi], eax; add edi, 4096; and edi, 0x1ffff
    const body = [0x89, 0x07, 0x81, 0xc7, 0, 16, 0, 0, 0x81, 0xe7, 0xff, 0xff, 0x01, 0];
    const { cpu, space, engine, run } = machine(create, false, body);
    const forgetful: AddressSpace = {
      readTable: new Int32Array(PAGES),
      writeTable: new Int32Array(PAGES),
      // No page but that of the code is kept in a table.
      resolve(page) {
        const entry = page * PAGE_SIZE | PRESENT;
        if (page << 12 === CODE || page << 12 === CODE - PAGE_SIZE) this.readTable[page] = entry;
        return entry;
      },
      protectCode: (page) => space.protectCode(page),
    };
    cpu.i32[EDI] = 0x8000;
    for (let round = 1; round < 4; round++) {
      const before = cpu.retired;
      assertEquals(run(forgetful), EXIT_BUDGET);
      assert(engine.worked! >= BUDGET, `${engine.worked}`);
      assert(cpu.retired - before < BUDGET / 4, `${cpu.retired - before}`);
    }
  });
}
