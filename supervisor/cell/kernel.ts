/**
 * The part of the kernel that a cell's loop uses, so that tests can put something else in its place.
 * `Kernel` of kernel/kernel.ts satisfies it; worker.ts is where the compiler checks that.
 */

import type { Image } from "../../kernel/image.ts";
import type { Resources } from "../../kernel/resources.ts";
import type { Wait } from "../../kernel/vm.ts";
import type { VmSpec } from "../../kernel/vm_spec.ts";

export interface CellVm {
  readonly id: number;
  readonly state: string;
  readonly exitCode: number | null;
  readonly crash: { readonly reason: string } | null;
  /** Why the kernel paused it, or "". */
  readonly pauseReason: string;
  readonly waits?: Wait | null;
  readonly stats: {
    readonly instructions: number;
    readonly quanta?: number;
    readonly privateFrames?: number;
    readonly swappedPages?: number;
    readonly faults?: number;
  };
}

export interface CellKernel {
  readonly vms: ReadonlyMap<number, CellVm>;
  readonly runnable: boolean;
  loadImage(name: string, file: Uint8Array): Image;
  dropImage(image: Image): void;
  createVm(spec: VmSpec): CellVm;
  start(vm: CellVm): void;
  stop(vm: CellVm, code?: number): void;
  shutdown(vm: CellVm): void;
  pause(vm: CellVm): void;
  resume(vm: CellVm): void;
  destroy(vm: CellVm): void;
  setResources(vm: CellVm, change: Resources): void;
  capture(vm: CellVm, taker: ((frame: Uint8Array) => void) | null): void;
  keyboard(vm: CellVm, bytes: Uint8Array): number;
  closeKeyboard(vm: CellVm): void;
  consoleReady(vm: CellVm): void;
  receive(frame: Uint8Array, offload: number): void;
  run(budget: number): number;
  nextDeadline(): number;
  stats(): unknown;
  report(vm: CellVm): unknown;
}

export interface CellKernelEvents {
  console(vm: CellVm, bytes: Uint8Array): void;
  consoleRoom?(vm: CellVm): number;
  state(vm: CellVm): void;
  uplink(frame: Uint8Array, offload: number): boolean;
}

export interface KernelFactory {
  create(events: CellKernelEvents): CellKernel;
  /** The crash report of a VM that crashed, as text. */
  crashText(vm: CellVm): string;
}
