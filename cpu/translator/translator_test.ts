import { assert, assertEquals } from "@std/assert";
import { call, compile, load, runNatively } from "../../tests/support/compile.ts";
import { PROGRAMS, programSource } from "../../tests/support/programs.ts";
import { hasLibc32 } from "../../tests/tools.ts";
import { type Engine, EXIT_BUDGET, EXIT_EXCEPTION, EXIT_TERMINATE, X86_PF } from "../engine.ts";
import { PAGE_SIZE } from "../engine.ts";
import { Evaluator } from "../evaluator.ts";
import { readFlags } from "../flags.ts";
import { createPool, FlatSpace } from "../flat_space.ts";
import {
  CpuState,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EIP,
  ESP,
  EXIT_ADDRESS,
  EXIT_VECTOR,
} from "../state.ts";
import { Translator } from "./translator.ts";

const ignore = !await hasLibc32("programs compiled for 32-bit Linux are compared with");

const AT_ONCE = { translateAfter: 0 };
/** A cache so small that it is emptied all the time. */
const FORGETFUL = { translateAfter: 1, codeBytes: 2000 };

for (const [name, { test: argument }] of Object.entries(PROGRAMS)) {
  for (const optimisation of ["-O0", "-O1", "-O2", "-O3", "-Os"]) {
    Deno.test(`${name} with ${optimisation}, translated at once, gives what it gives on silicon`, {
      ignore,
    }, async () => {
      const text = await programSource(name);
      const file = await compile(text, optimisation);
      const expected = await runNatively(text, optimisation, argument);
      const evaluated = load(file, (options) => new Evaluator(options));
      assertEquals(call(evaluated, argument), expected);
      for (const settings of optimisation === "-O2" ? [AT_ONCE, FORGETFUL] : [AT_ONCE]) {
        const machine = load(file, (options) => new Translator({ ...options, ...settings }));
        assertEquals(call(machine, argument), expected);
        assertEquals(machine.cpu.retired, evaluated.cpu.retired);
        assert(machine.engine.stats().translations > 0);
      }
    });
  }
}

Deno.test(
  "8-bit arithmetic, translated at once, gives what it gives on silicon",
  { ignore },
  async () => {
    const text = await programSource("alu8");
    const create = (options: ConstructorParameters<typeof Translator>[0]) =>
      new Translator({ ...options, translateAfter: 0 });
    const machine = load(await compile(text, "-O2"), create);
    let operation = 0;
    for (; call(machine, operation) !== -1; operation++) {
      assertEquals(call(machine, operation), await runNatively(text, "-O2", operation));
    }
    assertEquals(operation, 27);
  },
);

Deno.test("after every piece of 1, 2, 3 ... instructions the state is that of the evaluator", {
  ignore,
}, async () => {
  const file = await compile(await programSource("quicksort"), "-Os");
  for (const quantum of [1, 2, 3, 7, 61]) {
    const machines = [
      load(file, (options) => new Evaluator(options)),
      load(file, (options) => new Translator({ ...options, translateAfter: 2 })),
    ];
    for (const { cpu, pool, entry } of machines) {
      pool.i32.set([0x8000, 1], (8 << 20) >> 2);
      cpu.i32[ESP] = 8 << 20;
      cpu.i32[EIP] = entry;
    }
    for (let piece = 0; piece < 4000; piece++) {
      const [a, b] = machines.map(({ engine, cpu, space }) => {
        engine.preparation = 0;
        const reason = engine.run(cpu, space, quantum);
        return [reason, cpu.retired, readFlags(cpu), ...cpu.i32.subarray(0, EIP + 1)];
      });
      assertEquals(b, a, `piece ${piece} of ${quantum} instructions`);
      if (a[0] !== EXIT_BUDGET) break;
    }
  }
});

const CODE = 0x4000;
const TERMINATE = [0x0f, 0x0a, 0x01];

/** 32 pages, identity mapped, with code at CODE. */
function machine(code: readonly number[], translateAfter = 0) {
  const pool = createPool(64 * PAGE_SIZE);
  const space = new FlatSpace(32);
  const engine: Engine = new Translator({ pool, timestamp: (cpu) => cpu.retired, translateAfter });
  space.codeCache = engine;
  const cpu = new CpuState();
  pool.u8.set(code, CODE);
  cpu.i32[EIP] = CODE;
  cpu.i32[ESP] = 0x8000;
  return { pool, space, engine, cpu, run: (budget = 1000) => engine.run(cpu, space, budget) };
}

const word = (value: number) => [value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24];

Deno.test("a region that writes into its own page goes on with the new code", () => {
  const { cpu, run } = machine([
    ...[0x31, 0xdb], // xor ebx, ebx
    ...[0xb9, ...word(10)], // mov ecx, 10
    ...[0x83, 0xc3, 0x01], // again: add ebx, 1
    ...[0x80, 0x05, ...word(CODE + 9), 0x01], // add byte [the 1 above], 1
    ...[0x49], // dec ecx
    ...[0x75, 0xf3], // jnz again
    ...TERMINATE,
  ]);
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EBX], 55);
});

Deno.test("code that was changed from outside between two runs is translated again", () => {
  const { cpu, pool, engine, run } = machine([0x40, 0xeb, 0xfd]); // again: inc eax; jmp again
  assertEquals(run(100), EXIT_BUDGET);
  assertEquals(cpu.i32[EAX], 50);
  engine.dropFrame(CODE);
  pool.u8[CODE] = 0x43; // inc ebx
  assertEquals(run(100), EXIT_BUDGET);
  assertEquals([cpu.i32[EAX], cpu.i32[EBX]], [50, 50]);
});

const LONG = 500;
/** again: `LONG` times the one-byte instruction; dec ecx; jnz again */
const longLoop = (instruction: number) => [
  ...new Array(LONG).fill(instruction),
  ...[0x49, 0x0f, 0x85, ...word(-(LONG + 7))],
];

/** In the loop, decoded, and a step away from beginning to translate it at most. */
function longMachine() {
  const long = machine([...longLoop(0x40), ...TERMINATE], 100); // inc eax
  long.cpu.i32[ECX] = 1000;
  assertEquals(long.run(20 * LONG), EXIT_BUDGET);
  long.engine.preparation = 0;
  return long;
}

Deno.test("a long translation goes on in steps, between which the code runs", () => {
  const { cpu, engine, run } = longMachine();
  let steps = 0;
  while (engine.stats().translations === 0) {
    assertEquals(run(150), EXIT_BUDGET);
    assert(engine.preparation! < 400_000, `${engine.preparation} in 150 instructions`);
    if (engine.preparation! > 0) steps++;
    engine.preparation = 0;
  }
  assert(steps >= 3, `${steps} steps`);
  for (let end = EXIT_BUDGET; end === EXIT_BUDGET; end = run(1 << 20)) engine.preparation = 0;
  assertEquals([cpu.i32[EAX], cpu.retired], [1000 * LONG, 1000 * (LONG + 2) + 1]);
  assert(engine.stats().translated > 500 * LONG, `${engine.stats().translated} translated`);
});

Deno.test("a translation is given up when its code changes before it is ready", () => {
  const { cpu, pool, engine, run } = longMachine();
  while (engine.preparation === 0) run(150);
  assertEquals(engine.stats().translations, 0);
  const before = cpu.i32[EAX];
  engine.dropFrame(CODE);
  pool.u8.fill(0x43, CODE, CODE + LONG); // inc ebx
  for (let end = EXIT_BUDGET; end === EXIT_BUDGET; end = run(1 << 20)) engine.preparation = 0;
  assertEquals([cpu.i32[EAX], cpu.i32[EAX] + cpu.i32[EBX]], [before, 1000 * LONG]);
});

Deno.test("a jump into the middle of a translated instruction runs what stands there", () => {
  const { cpu, run } = machine([
    ...[0xb8, 0x43, 0xeb, 0x03, 0x00], // middle - 1: mov eax, 0x3eb43; middle: inc ebx; jmp end
    ...[0xeb, 0xfa], // jmp middle
    ...TERMINATE, // end
  ]);
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals([cpu.i32[EAX], cpu.i32[EBX], cpu.retired], [0x3eb43, 1, 5]);
});

Deno.test("regions that control often goes between become one", () => {
  const first = CODE + 10, second = CODE + 14, flip = first ^ second;
  const { cpu, engine, run } = machine([
    ...[0x81, 0xf3, ...word(flip)], // again: xor ebx, first ^ second
    ...[0x49, 0xff, 0xe3, 0x90], // dec ecx; jmp ebx; nop
    ...[0x40, 0xff, 0xe7, 0x90], // first: inc eax; jmp edi; nop
    ...[0x74, 0x03], // second: jz end
    ...[0x42, 0xff, 0xe7], // inc edx; jmp edi
    ...TERMINATE, // end
  ], 50);
  cpu.i32[EBX] = second;
  cpu.i32[ECX] = 2000;
  cpu.i32[EDI] = CODE;
  assertEquals(run(1 << 20), EXIT_TERMINATE);
  assertEquals([cpu.i32[EAX], cpu.i32[EDX], cpu.retired], [1000, 999, 10999]);
  assertEquals(engine.stats().regions, 1);
});

Deno.test("a page fault leaves registers, flags and EIP as they were before the instruction", () => {
  const { cpu, run } = machine([
    ...[0x83, 0xc1, 0xff], // add ecx, -1
    ...[0xab], // again: stosd
    ...[0xeb, 0xfd], // jmp again
  ]);
  cpu.i32[ECX] = 1;
  cpu.i32[EDI] = 0x1f000;
  assertEquals(run(1 << 20), EXIT_EXCEPTION);
  assertEquals(cpu.i32[EXIT_VECTOR], X86_PF);
  assertEquals(cpu.i32[EXIT_ADDRESS], 0x20000);
  assertEquals([cpu.i32[EDI], cpu.i32[EIP], cpu.retired], [0x20000, CODE + 3, 1 + 2 * 1024]);
  assertEquals(readFlags(cpu) & 0x8d5, 0x55); // CF PF AF ZF
});

Deno.test("a frame that is mapped at two addresses has a region for each", () => {
  const { cpu, pool, space, engine } = machine([0x40, 0xe8, 0, 0, 0, 0, 0x5b, ...TERMINATE]);
  space.map(20, CODE / PAGE_SIZE, false);
  for (const address of [CODE, 20 * PAGE_SIZE]) {
    cpu.i32[EIP] = address;
    assertEquals(engine.run(cpu, space, 100), EXIT_TERMINATE);
    assertEquals(cpu.i32[EBX], address + 6);
  }
  assertEquals(engine.stats().translations, 2);
  assertEquals(pool.u8[CODE], 0x40);
});
