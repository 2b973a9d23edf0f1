/**
 * Times a context switch: two VMs that spin, scheduled in turn, once with a quantum of one
 * instruction and once with a long one; the difference per quantum is what a switch costs.
 */

import { Kernel } from "../../kernel/kernel.ts";
import { executable } from "../../kernel/testing/elf_builder.ts";

/** `inc eax; jmp .-1`: spins without touching memory. */
const SPIN = Uint8Array.of(0x40, 0xeb, 0xfd);
const INSTRUCTIONS = 400_000;

export function contextSwitchMicroseconds(): number {
  run(1);
  run(10_000);
  return (run(1) - run(10_000)) / INSTRUCTIONS;
}

/** Microseconds to run INSTRUCTIONS with this quantum. */
function run(quantum: number): number {
  const kernel = new Kernel({
    clock: { monotonic: () => performance.now() * 1000, wall: () => Date.now() * 1000 },
    poolBytes: 4 << 20,
    quantum,
    events: { console() {}, state() {}, uplink: () => true },
  });
  const image = kernel.loadImage("spin", executable(SPIN));
  for (const name of ["one", "other"]) {
    kernel.start(kernel.createVm({ name, image, memory: 1 << 20 }));
  }
  const start = performance.now();
  kernel.run(INSTRUCTIONS);
  return (performance.now() - start) * 1000;
}
