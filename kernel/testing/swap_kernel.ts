/** A kernel over a MemorySwap for tests, and guests that need more memory than it has. */

import { assertEquals } from "@std/assert";
import type { EngineSettings } from "../../cpu/engine_settings.ts";
import type { Image } from "../kernel.ts";
import { MemorySwap, type MemorySwapOptions } from "./memory_swap.ts";
import { type TestKernel, testKernel } from "./test_kernel.ts";

/** Bytes of the pool: 256 frames. */
export const POOL = 1 << 20;

/** Both engines, the translator from the first execution. */
export const ENGINES: readonly EngineSettings[] = [
  { name: "evaluator" },
  { name: "translator", translateAfter: 0 },
];

export function swapKernel(
  options: MemorySwapOptions = {},
  poolBytes = POOL,
  engine: EngineSettings = {},
) {
  const device = new MemorySwap(options);
  const t = testKernel({
    poolBytes,
    memory: new ArrayBuffer(poolBytes),
    swap: device.swap,
    quantum: 5_000,
    engine,
  });
  return { ...t, device };
}

/** Runs until nothing happens any more, at most `rounds` times. */
export function settle(t: TestKernel, rounds = 2000): void {
  for (let i = 0; i < rounds; i++) {
    if (t.kernel.run(20_000) < 20_000 && t.kernel.stats().swap.underWay === 0) return;
  }
}

/**
 * Writes a number of its own into every page of `pages` from 0x40000 on, then checks and changes each,
 * `rounds` times over; ends with code 0, or 1 if a number was wrong.
 */
export function checker(pages: number, rounds: number): string {
  return `
_start: mov ebx, 0
  mov ecx, ${pages}
  mov edi, 0x40000
fill: call value
  mov [edi + ecx * 2 + 4], eax
  mov [edi], eax
  add edi, 4096
  dec ecx
  jnz fill
round: mov ecx, ${pages}
  mov edi, 0x40000
check: call value
  cmp [edi + ecx * 2 + 4], eax
  jne wrong
  cmp [edi], eax
  jne wrong
  inc ebx
  call value
  dec ebx
  mov [edi + ecx * 2 + 4], eax
  mov [edi], eax
  add edi, 4096
  dec ecx
  jnz check
  inc ebx
  cmp ebx, ${rounds}
  jb round
  mov eax, 0
  terminate
wrong: mov eax, 1
  terminate
value: imul eax, edi, 0x9e3779b1
  add eax, ebx
  imul eax, eax, 0x85ebca6b
  add eax, [REG_vm_id]
  ret`;
}

/** Touches pages of its own, then does `then` whenever something is pending. */
export function sleeper(pages: number, then = ""): string {
  return `
_start: mov dword ptr [REG_interrupt_enable], 0
  mov edi, 0x40000
  mov ecx, ${pages}
touch: mov [edi], edi
  add edi, 4096
  dec ecx
  jnz touch
again: mov eax, IDLE_FOREVER
  idle
  mov dword ptr [REG_interrupt_pending], 0
  ${then}
  jmp again`;
}

/** Needs `pages` frames for some rounds, which drives out whoever sleeps. */
export async function squeeze(t: TestKernel, pages = 252, rounds = 3): Promise<void> {
  t.clock.jump(t.clock.monotonic() + 2_000_000);
  const image = squeezers.get(t) ?? await t.load(checker(pages, rounds));
  squeezers.set(t, image);
  const hog = t.kernel.createVm({ id: 1000, name: "hog", image, memory: 4 << 20 });
  t.kernel.start(hog);
  settle(t);
  assertEquals([hog.state, hog.exitCode], ["stopped", 0]);
  t.kernel.destroy(hog);
}

const squeezers = new WeakMap<TestKernel, Image>();
