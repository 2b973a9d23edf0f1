/** Two VMs of one program on one engine, which run by turns. */

import { createPool } from "../../cpu/flat_space.ts";
import {
  type Engine,
  type EngineOptions,
  EXIT_BUDGET,
  EXIT_EXCEPTION,
  EXIT_IO_REQUEST,
  EXIT_WAIT,
  X86_PF,
} from "../../cpu/engine.ts";
import { readFlags } from "../../cpu/flags.ts";
import {
  CpuState,
  EIP,
  EXIT_ADDRESS,
  EXIT_ERROR,
  EXIT_IO,
  EXIT_IO_REPEAT,
  EXIT_IO_SIZE,
  EXIT_NEXT_EIP,
  EXIT_PORT,
  EXIT_VECTOR,
  FPU_BYTE,
  FPU_CONTROL,
  FPU_STRIDE,
  FS_BASE,
  FS_SELECTOR,
  GS_BASE,
  GS_SELECTOR,
  MXCSR,
  XMM_BYTE,
} from "../../cpu/state.ts";
import {
  CODE,
  CODE_PAGES,
  DATA,
  DATA_PAGES,
  PAGE,
  PAGES,
  POINTERS,
  STACK,
  TABLES,
} from "./layout.ts";
import type { Program } from "./program.ts";
import { Frames, Space } from "./space.ts";

export type EngineFactory = (options: EngineOptions) => Engine;

/** Frames: each VM needs PAGES.length, and there must be one to copy to. */
const POOL_FRAMES = 2 * PAGES.length + 4;

/** Runs that may end without progress (a page has to be waited for) before it counts as hung. */
const PATIENCE = 64;

export class Vm {
  readonly cpu: CpuState = new CpuState();
  constructor(readonly space: Space) {}
}

export class Machine {
  readonly engine: Engine;
  readonly vms: readonly Vm[];
  readonly pool = createPool(POOL_FRAMES * PAGE);
  private readonly frames = new Frames(this.pool);

  constructor(createEngine: EngineFactory, program: Program) {
    this.engine = createEngine({ pool: this.pool, timestamp: (cpu) => cpu.retired });
    this.frames.codeCache = this.engine;
    this.vms = [new Vm(new Space(this.frames)), new Vm(new Space(this.frames))];
    const stack = new Uint8Array(PAGE);
    const parts: readonly (readonly [number, Uint8Array])[] = [
      ...pagesOf(CODE, CODE_PAGES, program.code),
      ...pagesOf(DATA, DATA_PAGES, program.data),
      [STACK / PAGE, stack],
      [TABLES / PAGE, program.tables],
    ];
    for (const [page, bytes] of parts) {
      const frame = this.frames.allocate();
      this.pool.u8.set(bytes, frame);
      this.frames.share(frame);
      for (const { space } of this.vms) space.map(page, frame);
    }
    for (const { cpu } of this.vms) this.resetPointers(cpu);
  }

  resetPointers(cpu: CpuState): void {
    for (const [register, value] of POINTERS) cpu.i32[register] = value;
  }

  /** Runs a VM for `budget` instructions or until an exit that is not about a page that comes. */
  run({ cpu, space }: Vm, budget: number): number {
    const end = cpu.retired + budget;
    for (let idle = 0; idle < PATIENCE; idle++) {
      const before = cpu.retired;
      this.engine.preparation = 0;
      const reason = this.engine.run(cpu, space, end - cpu.retired);
      if (cpu.retired > end) return -1;
      if (reason === EXIT_WAIT) space.bringIn();
      else if (reason !== EXIT_BUDGET || cpu.retired === end) return reason;
      if (cpu.retired > before) idle = 0;
    }
    throw new Error("machine: expected the engine to go on, got 64 runs without an instruction");
  }

  /** The same for an engine that need not be exact: about `budget` units of work, and one instruction at least. */
  runAbout({ cpu, space }: Vm, budget: number): number {
    const before = cpu.retired;
    for (let idle = 0; idle < PATIENCE; idle++) {
      this.engine.preparation = 0;
      const reason = this.engine.run(cpu, space, budget);
      if (reason === EXIT_WAIT) space.bringIn();
      else if (reason !== EXIT_BUDGET || cpu.retired > before) return reason;
    }
    throw new Error("machine: expected the engine to go on, got 64 runs without an instruction");
  }

  /** Another frame for a page, with the same bytes: what was made from the old one is of no use. */
  moveFrame(space: Space, page: number): void {
    const frame = this.frames.allocate();
    const old = space.frame(page);
    this.pool.u8.copyWithin(frame, old, old + PAGE);
    space.map(page, frame);
  }
}

function* pagesOf(
  address: number,
  count: number,
  bytes: Uint8Array,
): Generator<[number, Uint8Array]> {
  for (let page = 0; page < count; page++) {
    yield [address / PAGE + page, bytes.subarray(page * PAGE, (page + 1) * PAGE)];
  }
}

const NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip"];
const WORDS: readonly (readonly [string, number])[] = [
  ["fs base", FS_BASE],
  ["gs base", GS_BASE],
  ["fs", FS_SELECTOR],
  ["gs", GS_SELECTOR],
  ...Array.from(
    { length: MXCSR - FPU_CONTROL + 1 },
    (_, i) => [`fpu ${i}`, FPU_CONTROL + i] as const,
  ),
];

/** All that must be the same after a run that ended with `reason`, by name. */
export function* observe(cpu: CpuState, reason: number): Generator<[string, number]> {
  const { i32, u16 } = cpu;
  yield ["retired", cpu.retired];
  for (let i = 0; i <= EIP; i++) yield [NAMES[i], i32[i]];
  yield ["eflags", readFlags(cpu)];
  for (const [name, word] of WORDS) yield [name, i32[word]];
  for (let i = 0; i < 8; i++) {
    const at = FPU_BYTE + i * FPU_STRIDE;
    for (let part = 0; part < 5; part++) yield [`R${i}`, u16[(at >> 1) + part]];
    for (let part = 0; part < 4; part++) yield [`xmm${i}`, i32[(XMM_BYTE >> 2) + 4 * i + part]];
  }
  if (reason === EXIT_EXCEPTION) {
    yield ["vector", i32[EXIT_VECTOR]];
    yield ["error code", i32[EXIT_ERROR]];
    if (i32[EXIT_VECTOR] === X86_PF) yield ["fault address", i32[EXIT_ADDRESS]];
  } else if (reason === EXIT_IO_REQUEST) {
    for (const word of [EXIT_NEXT_EIP, EXIT_PORT, EXIT_IO, EXIT_IO_SIZE, EXIT_IO_REPEAT]) {
      yield [`i/o ${word}`, i32[word]];
    }
  }
}
