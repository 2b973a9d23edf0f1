/**
 * Every place where a region can be left: at each instruction because the budget ends there, and at each
 * access because a page is not there or cannot be written. The evaluator is the measure, to the bit.
 */

import { assert, assertEquals } from "@std/assert";
import { type Engine, EXIT_BUDGET, EXIT_EXCEPTION, EXIT_TERMINATE, PAGE_SIZE } from "../engine.ts";
import { Evaluator } from "../evaluator.ts";
import { readFlags } from "../flags.ts";
import { createPool, FlatSpace } from "../flat_space.ts";
import { CpuState, EBP, EBX, EDI, EIP, ESI, ESP, EXIT_ADDRESS, EXIT_ERROR } from "../state.ts";
import { Translator } from "./translator.ts";

const CODE = 0x4000, PAGES = 16;
/** Each on a page of its own: what EBX, ESI, EDI, EBP and ESP point to, in the middle. */
const POINTERS = [[EBX, 0x8800], [ESI, 0x9800], [EDI, 0xa800], [EBP, 0xb800], [ESP, 0xc800]];

/** Accesses of all kinds between instructions that set flags, in a loop with a call; 40 rounds. */
const PROGRAM = [
  ...[0xb9, 40, 0, 0, 0], // mov ecx, 40
  ...[0x01, 0x0b], // again: add [ebx], ecx
  ...[0x83, 0x16, 0x07], // adc dword [esi], 7
  ...[0x19, 0xc8], // sbb eax, ecx
  ...[0x8b, 0x55, 0x04], // mov edx, [ebp + 4]
  ...[0x31, 0x17], // xor [edi], edx
  ...[0xd1, 0x5e, 0x08], // rcr dword [esi + 8], 1
  ...[0x51], // push ecx
  ...[0xe8, 0x0b, 0, 0, 0], // call work
  ...[0x59], // pop ecx
  ...[0x0f, 0x92, 0x43, 0x10], // setb [ebx + 16]
  ...[0x49], // dec ecx
  ...[0x75, 0xe3], // jnz again
  ...[0x0f, 0x0a, 0x01], // terminate
  ...[0xa5], // work: movsd
  ...[0x83, 0xee, 0x04], // sub esi, 4
  ...[0x83, 0xef, 0x04], // sub edi, 4
  ...[0x66, 0xff, 0x45, 0x01], // inc word [ebp + 1]
  ...[0x0f, 0xc1, 0x43, 0x20], // xadd [ebx + 32], eax
  ...[0x0f, 0xb1, 0x57, 0x30], // cmpxchg [edi + 48], edx
  ...[0xc3], // ret
];

interface Machine {
  readonly engine: Engine;
  readonly cpu: CpuState;
  readonly space: FlatSpace;
  readonly memory: Int32Array;
}

function machine(
  create: (options: ConstructorParameters<typeof Translator>[0]) => Engine,
): Machine {
  const pool = createPool(PAGES * PAGE_SIZE);
  const space = new FlatSpace(PAGES);
  const engine = create({ pool, timestamp: (cpu) => cpu.retired, codeWords: 1 << 14 });
  space.codeCache = engine;
  const cpu = new CpuState();
  pool.u8.set(PROGRAM, CODE);
  for (const [register, address] of POINTERS) cpu.i32[register] = address;
  for (let at = 0x8000; at < 0xd000; at += 4) pool.i32[at >> 2] = Math.imul(at, 0x9e3779b1);
  cpu.i32[EIP] = CODE;
  return { engine, cpu, space, memory: pool.i32 };
}

const evaluator = () => machine((options) => new Evaluator(options));
const translator = () => machine((options) => new Translator({ ...options, translateAfter: 0 }));

function stateOf({ cpu, memory }: Machine): unknown[] {
  return [
    cpu.retired,
    readFlags(cpu),
    [...cpu.i32.subarray(0, EIP + 1)],
    memory.slice(0x8000 >> 2),
  ];
}

function run({ engine, cpu, space }: Machine, budget: number): number {
  engine.preparation = 0;
  return engine.run(cpu, space, budget);
}

Deno.test("a budget that ends at any instruction of a region ends exactly there", () => {
  const whole = evaluator();
  assertEquals(run(whole, 1 << 20), EXIT_TERMINATE);
  const total = whole.cpu.retired;
  assert(total > 700, `${total} instructions`);
  // One translator for all, so that the region has been made before the budget ends in it.
  const b = translator();
  const start = b.cpu.i32.slice(), memory = b.memory.slice();
  for (let budget = 1; budget < total; budget += budget < 60 ? 1 : 17) {
    const a = evaluator();
    b.cpu.i32.set(start);
    b.cpu.retired = 0;
    b.memory.set(memory.subarray(0x8000 >> 2), 0x8000 >> 2);
    assertEquals([run(a, budget), run(b, budget)], [EXIT_BUDGET, EXIT_BUDGET]);
    assertEquals(stateOf(b), stateOf(a), `a budget of ${budget}`);
    // From there to the end, in the middle of whatever it was.
    assertEquals(run(b, 1 << 20), EXIT_TERMINATE);
    assertEquals(stateOf(b), stateOf(whole), `after a budget of ${budget}`);
  }
});

Deno.test("an engine that need not be exact exceeds a budget by less than a way through a region", () => {
  const longest = 40;
  for (let budget = 10; budget < 60; budget++) {
    const a = evaluator();
    const b = machine((options) => new Translator({ ...options, translateAfter: 0, exact: false }));
    for (let end = EXIT_BUDGET; end === EXIT_BUDGET;) {
      const before = b.cpu.retired;
      end = run(b, budget);
      const retired = b.cpu.retired - before;
      assert(retired > 0 && retired < 8 * budget + longest, `${retired} of ${budget}`);
      assert(b.engine.worked! > 0 && b.engine.worked! <= retired + 4);
      // What ends the program does not count as retired.
      const same = end === EXIT_BUDGET ? run(a, retired) : run(a, retired + 1);
      assertEquals(same, end);
      assertEquals(stateOf(b), stateOf(a), `a budget of ${budget}`);
    }
    assert(b.engine.stats().translated > 0);
  }
});

Deno.test("a fault at any access of a region leaves the state as it was, and can be repeated", () => {
  let faults = 0;
  for (const page of [8, 9, 10, 11, 12]) {
    for (const writable of [false, true]) {
      // Not at the start only: after some rounds, when the region remembers where its pages are.
      for (const before of [0, 1, 9, 100, 333]) {
        const [a, b] = [evaluator(), translator()];
        for (const m of [a, b]) {
          assertEquals(run(m, before), EXIT_BUDGET);
          if (writable) m.space.unmap(page);
          else m.space.map(page, page, false);
        }
        for (let piece = 0; piece < 3; piece++) {
          const reasons = [a, b].map((m) => run(m, 1 << 20));
          assertEquals(reasons[1], reasons[0]);
          assertEquals(stateOf(b), stateOf(a), `page ${page}, after ${before}`);
          if (reasons[0] !== EXIT_EXCEPTION) break;
          faults++;
          for (const word of [EXIT_ADDRESS, EXIT_ERROR]) {
            assertEquals(b.cpu.i32[word], a.cpu.i32[word]);
          }
          // The second time it faults again, the third time the page is there.
          if (piece === 1) { for (const m of [a, b]) m.space.map(page, page, true); }
        }
      }
    }
  }
  assert(faults > 40, `${faults} faults`);
});
