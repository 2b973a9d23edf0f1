/** Skeleton: the public API of the kernel. The bodies follow. */
import type { Engine, EngineOptions } from "../cpu/engine.ts";
import type { Clock } from "./clock.ts";
import type { CrashReport } from "./crash.ts";
import type { Image } from "./image.ts";
import type { Vm } from "./vm.ts";
import type { VmSpec } from "./vm_spec.ts";

export { ImageError, KernelBug, VmError } from "./errors.ts";
export type { Clock } from "./clock.ts";
export type { Image, Vm, VmSpec };

/** What the kernel tells its owner. Called synchronously; must not call back into the kernel. */
export interface KernelEvents {
  /** Console output; `bytes` is only valid during the call. */
  console(vm: Vm, bytes: Uint8Array): void;
  /** After every change of `vm.state`; "running" and "idle" change very often. */
  state(vm: Vm): void;
  /** A frame for the world outside this kernel, valid during the call; false = no room (dropped, counted). */
  uplink(frame: Uint8Array): boolean;
}

export interface KernelOptions {
  clock: Clock;
  /** Bytes of the pool, a multiple of 4096, at most 2 GiB - 64 KiB. */
  poolBytes: number;
  events: KernelEvents;
  /** Instructions per time slice. */
  quantum?: number;
  createEngine?: (options: EngineOptions) => Engine;
  /** The pool's memory; at least `poolBytes` long. */
  memory?: SharedArrayBuffer | ArrayBuffer;
}

export interface KernelStats {
  readonly vms: number;
  readonly runnable: number;
  readonly instructions: number;
  /** Quanta that began in another VM than the one before. */
  readonly switches: number;
  readonly quanta: number;
  readonly interrupts: number;
  readonly exceptions: number;
  readonly frames: { total: number; free: number; image: number; private: number };
  readonly network: { delivered: number; uplink: number; drops: Record<string, number> };
}

export class Kernel {
  constructor(readonly options: KernelOptions) {}
  /** Throws ImageError. */
  loadImage(_name: string, _file: Uint8Array): Image {
    throw new Error("not built yet");
  }
  dropImage(_image: Image): void {}
  /** Throws VmError. */
  createVm(_spec: VmSpec): Vm {
    throw new Error("not built yet");
  }
  start(_vm: Vm): void {}
  pause(_vm: Vm): void {}
  resume(_vm: Vm): void {}
  stop(_vm: Vm, _code = 0): void {}
  /** Raises INTERRUPT_SHUTDOWN. */
  shutdown(_vm: Vm): void {}
  destroy(_vm: Vm): void {}
  vm(id: number): Vm | undefined {
    return this.vms.get(id);
  }
  readonly vms: ReadonlyMap<number, Vm> = new Map();
  /** Returns the number of bytes accepted. */
  keyboard(_vm: Vm, _bytes: Uint8Array): number {
    return 0;
  }
  closeKeyboard(_vm: Vm): void {}
  /** A frame from the uplink into the switch. */
  receive(_frame: Uint8Array): void {}
  /** Runs VMs for at most `budget` units of work; returns the units used, less when all are idle. */
  run(_budget: number): number {
    return 0;
  }
  get runnable(): boolean {
    return false;
  }
  /** µs of Clock.monotonic, Infinity if none. */
  nextDeadline(): number {
    return Infinity;
  }
  report(_vm: Vm): CrashReport {
    throw new Error("not built yet");
  }
  stats(): KernelStats {
    throw new Error("not built yet");
  }
}
