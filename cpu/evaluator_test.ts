import { assert, assertEquals } from "@std/assert";
import { Evaluator } from "./evaluator.ts";
import { createPool, FlatSpace } from "./flat_space.ts";
import {
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_IDLE,
  EXIT_IO_REQUEST,
  EXIT_IRET,
  EXIT_TERMINATE,
  EXIT_WAIT,
  IO_OUTS,
  PAGE_SIZE,
  PF_USER,
  PF_WRITE,
  PREPARATION_LIMIT,
  RESOLVE_WAIT,
  X86_BP,
  X86_GP,
  X86_OF,
  X86_PF,
  X86_UD,
} from "./engine.ts";
import {
  CpuState,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EIP,
  ESI,
  ESP,
  EXIT_ADDRESS,
  EXIT_ERROR,
  EXIT_IO,
  EXIT_IO_REPEAT,
  EXIT_IO_SIZE,
  EXIT_NEXT_EIP,
  EXIT_PORT,
  EXIT_VECTOR,
  GS_BASE,
} from "./state.ts";

const CODE = 0x4000, STACK = 0x8000;

/** 32 pages, identity mapped, with code at CODE; a program ends with TERMINATE. */
function machine(code: readonly number[], codeWords?: number, handlersMaximum?: number) {
  const pool = createPool(64 * PAGE_SIZE);
  const space = new FlatSpace(32);
  const engine = new Evaluator({
    pool,
    timestamp: (cpu) => cpu.retired,
    codeWords,
    handlersMaximum,
  });
  space.codeCache = engine;
  const cpu = new CpuState();
  pool.u8.set(code, CODE);
  cpu.i32[EIP] = CODE;
  cpu.i32[ESP] = STACK;
  return { pool, space, engine, cpu, run: (budget = 1000) => engine.run(cpu, space, budget) };
}

const TERMINATE = [0x0f, 0x0a, 0x01];
const bytes = (value: number) => [value & 255, value >> 8 & 255, value >> 16 & 255, value >>> 24];

Deno.test("a store into the next instruction takes effect at once", () => {
  // mov byte [imm8 of the next instruction], 7; mov al, 1
  const { run, cpu } = machine([0xc6, 0x05, ...bytes(CODE + 8), 7, 0xb0, 1, ...TERMINATE]);
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EAX], 7);
  assertEquals(cpu.retired, 3);
});

Deno.test("a read-modify-write of the next instruction takes effect at once", () => {
  // add byte [imm8 of the next instruction], 7; mov al, 1
  const { run, cpu } = machine([0x80, 0x05, ...bytes(CODE + 8), 7, 0xb0, 1, ...TERMINATE]);
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EAX], 8);
});

Deno.test("a string copy over the code that runs takes effect at once", () => {
  // rep movsb over `mov al, 1`
  const code = [0xf3, 0xa4, 0xb0, 1, ...TERMINATE];
  const { run, cpu, pool } = machine(code);
  pool.u8.set([0xb0, 9], 0x6000);
  cpu.i32[ESI] = 0x6000;
  cpu.i32[EDI] = CODE + 2;
  cpu.i32[ECX] = 2;
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EAX], 9);
});

Deno.test("a store into the next instruction that gives the page a copy takes effect at once", () => {
  const { run, cpu, pool, space } = machine([
    ...[0xc6, 0x05, ...bytes(CODE + 8), 7], // mov byte [imm8 of the next instruction], 7
    ...[0xb0, 1], // mov al, 1
    ...TERMINATE,
  ]);
  const page = CODE / PAGE_SIZE, copy = 40;
  space.writeTable[page] = 0;
  space.resolve = () => {
    pool.u8.copyWithin(copy * PAGE_SIZE, CODE, CODE + PAGE_SIZE);
    space.map(page, copy, true);
    return space.writeTable[page];
  };
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals([cpu.i32[EAX], pool.u8[CODE + 8]], [7, 1]);
});

Deno.test("a call that pushes onto its own code page runs on", () => {
  // call +0, then terminate; the stack lies on the same page
  const { run, cpu } = machine([0xe8, 0, 0, 0, 0, ...TERMINATE]);
  cpu.i32[ESP] = CODE + 0x800;
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.retired, 2);
});

Deno.test("an instruction across two frames is decoded anew when the second is another one", () => {
  const { run, cpu, pool, space } = machine([]);
  const start = CODE + PAGE_SIZE - 2;
  pool.u8.set([0xb8, 1], start); // mov eax, imm32
  pool.u8.set([0, 0, 0, ...TERMINATE], CODE + PAGE_SIZE);
  pool.u8.set([2, 0, 0, ...TERMINATE], 40 * PAGE_SIZE);
  for (const [frame, expected] of [[(CODE >> 12) + 1, 1], [40, 0x201], [(CODE >> 12) + 1, 1]]) {
    space.map((CODE >> 12) + 1, frame, false);
    cpu.i32[EIP] = start;
    assertEquals(run(), EXIT_TERMINATE);
    assertEquals(cpu.i32[EAX], expected);
  }
});

Deno.test("a write to the second frame of a straddling instruction drops it", () => {
  const { run, cpu, pool, engine } = machine([]);
  const start = CODE + PAGE_SIZE - 2;
  pool.u8.set([0xb8, 1], start);
  pool.u8.set([0, 0, 0, ...TERMINATE], CODE + PAGE_SIZE);
  cpu.i32[EIP] = start;
  run();
  engine.dropFrame(CODE + PAGE_SIZE);
  pool.u8[CODE + PAGE_SIZE] = 5;
  cpu.i32[EIP] = start;
  run();
  assertEquals(cpu.i32[EAX], 0x501);
});

Deno.test("two address spaces share decoded code at different addresses", () => {
  const { run, cpu, space, engine } = machine([0xe8, 0, 0, 0, 0, 0x5b, ...TERMINATE]); // call; pop ebx
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EBX], CODE + 5);
  const other = new FlatSpace(32), second = new CpuState();
  other.map(0x11, CODE >> 12, false);
  second.i32[EIP] = 0x11000;
  second.i32[ESP] = STACK;
  assertEquals(engine.run(second, other, 100), EXIT_TERMINATE);
  assertEquals(second.i32[EBX], 0x11005);
  assertEquals(space.writeTable[CODE >> 12], 0);
});

Deno.test("a fetch from an absent page faults with its address", () => {
  const { run, cpu } = machine([0xe9, ...bytes(0x100000)]);
  assertEquals(run(), EXIT_EXCEPTION);
  assertEquals(cpu.i32[EXIT_VECTOR], X86_PF);
  assertEquals(cpu.i32[EXIT_ADDRESS], CODE + 5 + 0x100000);
  assertEquals(cpu.i32[EIP], CODE + 5 + 0x100000);
  assertEquals(cpu.retired, 1);
});

Deno.test("a store beyond memory faults without an effect", () => {
  // inc eax; push eax
  const { run, cpu } = machine([0x40, 0x50]);
  cpu.i32[ESP] = -8;
  assertEquals(run(), EXIT_EXCEPTION);
  assertEquals(cpu.i32[EXIT_VECTOR], X86_PF);
  assertEquals(cpu.i32[EXIT_ERROR], PF_USER | PF_WRITE);
  assertEquals(cpu.i32[EXIT_ADDRESS], -12);
  assertEquals(cpu.i32[ESP], -8);
  assertEquals(cpu.i32[EIP], CODE + 1);
  assertEquals(cpu.retired, 1);
});

Deno.test("an access to a page that is not in memory yet waits, and then goes through", () => {
  const { cpu, space, run, pool } = machine([0x40, 0xa1, ...bytes(0x7000), ...TERMINATE]);
  pool.i32[0x7000 >> 2] = 99;
  const resolve = space.resolve.bind(space);
  const entry = space.readTable[7];
  space.readTable[7] = 0;
  space.resolve = (page, write) => page === 7 ? RESOLVE_WAIT : resolve(page, write);
  assertEquals(run(), EXIT_WAIT);
  assertEquals(cpu.i32[EIP], CODE + 1);
  assertEquals(run(), EXIT_WAIT);
  space.readTable[7] = entry;
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[EAX], 99);
  assertEquals(cpu.retired, 3);
});

Deno.test("the budget is kept to the instruction", () => {
  const { cpu, run } = machine([0x40, 0x40, 0x40, 0x40, 0xeb, 0xfa]); // 4 x inc eax; jmp back
  for (let total = 0; total < 100;) {
    for (const budget of [1, 2, 3, 4, 7]) {
      assertEquals(run(budget), EXIT_BUDGET);
      total += budget;
      assertEquals(cpu.retired, total);
      assertEquals(cpu.i32[EAX], total - Math.floor(total / 5));
    }
  }
});

Deno.test("a repeated copy is left in the middle and goes on", () => {
  const { cpu, run, pool } = machine([0xf3, 0xa5, ...TERMINATE]);
  for (let i = 0; i < 3000; i++) pool.i32[(0x10000 >> 2) + i] = i * 3;
  cpu.i32[ESI] = 0x10000;
  cpu.i32[EDI] = 0x14ffe;
  cpu.i32[ECX] = 3000;
  assertEquals(run(1), EXIT_BUDGET);
  assertEquals(cpu.i32[EIP], CODE);
  assertEquals(run(), EXIT_TERMINATE);
  assertEquals(cpu.i32[ECX], 0);
  for (let i = 0; i < 3000; i++) {
    assertEquals(pool.view.getInt32(0x14ffe + i * 4, true), i * 3);
  }
});

Deno.test("an overlapping repeated copy spreads what it has just written", () => {
  const { cpu, run, pool } = machine([0xf3, 0xa4, ...TERMINATE]);
  pool.u8.set([1, 2, 3], 0x10000);
  cpu.i32[ESI] = 0x10000;
  cpu.i32[EDI] = 0x10003;
  cpu.i32[ECX] = 30;
  run();
  assertEquals([...pool.u8.subarray(0x10000, 0x10000 + 33)], Array(11).fill([1, 2, 3]).flat());
});

Deno.test("port instructions leave with everything the kernel needs", () => {
  const { cpu, run } = machine([0xf3, 0x6e]); // rep outsb
  cpu.i32[2] = 0x10;
  assertEquals(run(), EXIT_IO_REQUEST);
  const { i32 } = cpu;
  assertEquals([i32[EXIT_PORT], i32[EXIT_IO], i32[EXIT_IO_SIZE], i32[EXIT_IO_REPEAT]], [
    0x10,
    IO_OUTS,
    1,
    1,
  ]);
  assertEquals([i32[EIP], i32[EXIT_NEXT_EIP], cpu.retired], [CODE, CODE + 2, 0]);
});

Deno.test("idle and terminate are complete, iret is not", () => {
  const { cpu, run } = machine([0x0f, 0x0a, 0, ...TERMINATE, 0xcf]);
  assertEquals([run(), cpu.i32[EIP], cpu.retired], [EXIT_IDLE, CODE + 3, 1]);
  assertEquals([run(), cpu.i32[EIP], cpu.retired], [EXIT_TERMINATE, CODE + 6, 2]);
  assertEquals([run(), cpu.i32[EIP], cpu.retired], [EXIT_IRET, CODE + 6, 2]);
});

Deno.test("what is not virtualised raises its exception", () => {
  const cases: [number[], number, number][] = [
    [[0xf4], X86_GP, CODE], // hlt
    [[0xfa], X86_GP, CODE], // cli
    [[0x0f, 0x20, 0xc0], X86_GP, CODE], // mov eax, cr0
    [[0x0f, 0x01, 0x05, ...bytes(0x6000)], X86_GP, CODE], // sgdt
    [[0x0f, 0x0b], X86_UD, CODE], // ud2
    [[0x0f, 0x02, 0xc0], X86_UD, CODE], // lar
    [[0xcc], X86_BP, CODE + 1], // int3
    [Array(15).fill(0x66).concat(0x90), X86_GP, CODE], // 16 bytes
    [[0x66, 0xcf], X86_GP, CODE], // iret of a 16-bit frame
  ];
  for (const [code, vector, eip] of cases) {
    const { cpu, run } = machine(code);
    assertEquals(run(), EXIT_EXCEPTION);
    assertEquals([cpu.i32[EXIT_VECTOR], cpu.i32[EIP]], [vector, eip]);
  }
});

Deno.test("too many bytes are #GP also after another encoding was #UD", () => {
  const { cpu, run } = machine([0x0f, 0x0b, ...Array(15).fill(0x66), 0x90]);
  assertEquals([run(), cpu.i32[EXIT_VECTOR]], [EXIT_EXCEPTION, X86_UD]);
  cpu.i32[EIP] = CODE + 2;
  assertEquals([run(), cpu.i32[EXIT_VECTOR]], [EXIT_EXCEPTION, X86_GP]);
});

Deno.test("INTO behind arithmetic reports the address behind itself", () => {
  const { cpu, run } = machine([0x40, 0xce]); // inc eax; into
  cpu.i32[EAX] = 0x7fffffff;
  assertEquals([run(), cpu.i32[EXIT_VECTOR]], [EXIT_EXCEPTION, X86_OF]);
  assertEquals([cpu.i32[EIP], cpu.retired], [CODE + 2, 2]);
});

Deno.test("a bit offset wraps around within 16-bit addresses", () => {
  const { cpu, run, pool } = machine([0x67, 0x0f, 0xab, 0x0f, ...TERMINATE]); // bts [bx], ecx
  cpu.i32[EBX] = 0x9000;
  cpu.i32[ECX] = 0x10000 * 8 + 3;
  assertEquals([run(), pool.u8[0x9000]], [EXIT_TERMINATE, 8]);
});

Deno.test("the base of GS applies to operands with its prefix", () => {
  const { cpu, run, pool } = machine([0x65, 0xa1, ...bytes(4), ...TERMINATE]);
  pool.i32[0x9004 >> 2] = 1234;
  cpu.i32[GS_BASE] = 0x9000;
  run();
  assertEquals(cpu.i32[EAX], 1234);
});

Deno.test("a code cache that is always full gives the same result", () => {
  // 200 blocks of `inc eax; jmp +0`, twice
  const code: number[] = [];
  for (let i = 0; i < 200; i++) code.push(0x40, 0xeb, 0);
  const { cpu, run } = machine([...code, ...TERMINATE], 1024);
  for (let pass = 1; pass <= 2; pass++) {
    cpu.i32[EIP] = CODE;
    assertEquals(run(), EXIT_TERMINATE);
    assertEquals(cpu.i32[EAX], 200 * pass);
  }
});

/** Additions and the like in hundreds of forms: segments, operand sizes, directions. */
function manyForms(): number[][] {
  const forms: number[][] = [];
  for (const segment of [[], [0x26], [0x36], [0x3e], [0x64], [0x65]]) {
    for (const size of [[], [0x66]]) {
      for (let opcode = 0; opcode < 0x40; opcode++) {
        if ((opcode & 7) > 3) continue;
        forms.push([...segment, ...size, opcode, 0x05, ...bytes(0x7000)]);
        forms.push([...segment, ...size, opcode, 0xc8]);
      }
    }
  }
  return forms;
}

Deno.test("a run that must compile too much returns early, and goes on", () => {
  const forms = manyForms();
  const { run, cpu, engine } = machine([...forms.flat(), ...TERMINATE]);
  let runs = 0;
  let reason = EXIT_BUDGET;
  for (; reason === EXIT_BUDGET; runs++) {
    const before = cpu.retired;
    reason = run(1_000_000);
    assert(cpu.retired > before);
    if (reason === EXIT_BUDGET) assert(engine.preparation >= PREPARATION_LIMIT);
    engine.preparation = 0;
  }
  assertEquals(reason, EXIT_TERMINATE);
  assertEquals(cpu.retired, forms.length + 1);
  assert(runs > 1);
});

Deno.test("a table of handlers that is always full gives the same result", () => {
  const code = [...manyForms().flat(), ...TERMINATE];
  const whole = machine(code);
  const full = machine(code, undefined, 4);
  for (const { run, engine } of [whole, full]) {
    while (run(1_000_000) === EXIT_BUDGET) engine.preparation = 0;
  }
  assertEquals(full.cpu.i32, whole.cpu.i32);
  assertEquals(full.pool.u8, whole.pool.u8);
});

Deno.test("CPUID tells the vendor and every extension that is there", () => {
  const { run, cpu } = machine([0x0f, 0xa2, ...TERMINATE]);
  run();
  const vendor = Uint8Array.from([EBX, EDX, ECX].flatMap((register) => bytes(cpu.i32[register])));
  assertEquals(new TextDecoder().decode(vendor), "DenaliDenali");

  const leaf1 = machine([0xb8, ...bytes(1), 0x0f, 0xa2, ...TERMINATE]);
  leaf1.run();
  const has = (register: number, bit: number) => (leaf1.cpu.i32[register] >>> bit & 1) === 1;
  for (const bit of [0, 4, 8, 15, 19, 23, 24, 25, 26]) assert(has(EDX, bit), `EDX bit ${bit}`);
  for (const bit of [0, 9]) assert(has(ECX, bit), `ECX bit ${bit}`);
  for (const bit of [1, 19, 20, 23, 28]) assert(!has(ECX, bit), `ECX bit ${bit}`);
});
