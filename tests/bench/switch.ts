/**
 * What a context switch costs, best and worst case, among 2 to 10,000 VMs.
 *
 *     deno task bench switch [--sizes N,...] [--engine NAME] [--pages N]
 *
 * As in the 2002 paper (1.4 and 9 µs): in the best case VMs touch no memory, in the worst each cycles
 * through a buffer, here of 16 pages, every cache line of it once per turn. A turn is one round through the
 * loop; what it costs one VM that has the processor for itself is taken off. So the worst case holds
 * what a VM must bring back: caches, and the tables for memory access, which the kernel keeps for the VMs
 * that ran last only. The least of sixty short rounds counts, which other work on the host disturbs least;
 * VMs have 16 MiB of memory each, as by default.
 */

import { parseArgs } from "@std/cli/parse-args";
import type { EngineName } from "../../cpu/engine.ts";
import { ENGINE_NAMES } from "../../cpu/engine_settings.ts";
import { HostClock, Kernel } from "../../kernel/kernel.ts";
import { executable } from "../../kernel/testing/elf_builder.ts";
import { printTable, save } from "./report/report.ts";

const SIZES = [2, 10, 100, 1000, 2000, 5000, 10_000];
const MEMORY = 16 << 20, BUFFER = 1 << 20, LINE = 64;
/** Rounds are short, a few milliseconds: some of them are not interrupted by the host's other work. */
const ROUNDS = 60, ROUND_INSTRUCTIONS = 400_000, TURNS_MAXIMUM = 10_000;

interface Loop {
  readonly name: string;
  readonly code: Uint8Array;
  /** Instructions of a turn. */
  readonly turn: number;
  readonly frames: number;
}

/** `inc eax; jmp .-1`: touches no memory. */
const BEST: Loop = { name: "best", code: Uint8Array.of(0x40, 0xeb, 0xfd), turn: 2, frames: 1 };

/** Adds to one word of each cache line of the buffer, and begins again. */
function worst(pages: number): Loop {
  const bytes = pages * 4096;
  const u32 = (value: number) => [value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24];
  const code = [
    ...[0xb8, ...u32(BUFFER)], // mov eax, BUFFER
    ...[0x83, 0x00, 0x01], // add dword ptr [eax], 1
    ...[0x83, 0xc0, LINE], // add eax, LINE
    ...[0x3d, ...u32(BUFFER + bytes)], // cmp eax, BUFFER + bytes
    ...[0x72, 0xf3], // jb to the addition
    ...[0xeb, 0xec], // jmp to the beginning
  ];
  return {
    name: "worst",
    code: Uint8Array.from(code),
    turn: 2 + 4 * (bytes / LINE),
    frames: 1 + pages,
  };
}

/** A kernel with `count` VMs that run the loop. */
function kernelOf(
  loop: Loop,
  count: number,
  quantum: number,
  engine: EngineName | undefined,
): Kernel {
  const frames = 1024 + Math.ceil(count * loop.frames * 1.3);
  const kernel = new Kernel({
    clock: new HostClock(),
    poolBytes: frames * 4096,
    quantum,
    engine: { name: engine },
    events: { console() {}, state() {}, uplink: () => true },
  });
  const image = kernel.loadImage("loop", executable(loop.code));
  for (let i = 0; i < count; i++) {
    kernel.start(kernel.createVm({ name: "vm", image, memory: MEMORY }));
  }
  return kernel;
}

/** Microseconds per turn. */
function time(kernel: Kernel, loop: Loop, turns: number): number {
  const start = performance.now();
  kernel.run(turns * loop.turn);
  return (performance.now() - start) * 1000 / turns;
}

/** What a turn among `count` VMs costs more than one of a VM that is alone. */
function measure(loop: Loop, count: number, engine: EngineName | undefined): number {
  const turns = Math.min(TURNS_MAXIMUM, Math.ceil(ROUND_INSTRUCTIONS / loop.turn));
  const many = kernelOf(loop, count, loop.turn, engine);
  const alone = kernelOf(loop, 1, ROUND_INSTRUCTIONS, engine);
  // Every VM has touched its pages, and the loop is known to the engine.
  time(many, loop, Math.max(2 * count, 10 * turns));
  time(alone, loop, 10 * turns);
  let base = Infinity, least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    base = Math.min(base, time(alone, loop, turns));
    least = Math.min(least, time(many, loop, turns));
  }
  return least - base;
}

const flags = parseArgs(Deno.args, { string: ["sizes", "engine", "pages"] });
const sizes = flags.sizes?.split(",").map(Number) ?? SIZES;
const engine = ENGINE_NAMES.find((name) => name === flags.engine);
if (flags.engine !== undefined && engine === undefined) {
  throw new Error(`--engine: there is none called ${flags.engine}`);
}
const loops = [BEST, worst(Number(flags.pages ?? 16))];
const rows: { vms: number; best: number; worst: number }[] = [];
for (const vms of sizes) {
  const [best, worst] = loops.map((loop) => measure(loop, vms, engine));
  rows.push({ vms, best, worst });
}
printTable(
  ["VMs", "best case µs", "worst case µs"],
  rows.map(({ vms, best, worst }) => [String(vms), best.toFixed(2), worst.toFixed(2)]),
);
await save(
  "switch",
  { rows, bufferBytes: (loops[1].frames - 1) * 4096, memory: MEMORY },
  (["best", "worst"] as const).map((kind) => ({
    label: `${kind} case`,
    points: rows.map((row) => [row.vms, row[kind]] as const),
  })),
  {
    title: "Context switch",
    xLabel: "virtual machines",
    yLabel: "microseconds",
    logarithmicX: true,
  },
);
