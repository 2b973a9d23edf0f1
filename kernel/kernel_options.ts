/** What a kernel is made with, and what it tells its owner. */

import type { EngineSettings } from "../cpu/engine_settings.ts";
import type { FrameTrace } from "../devices/switch.ts";
import type { Clock } from "./clock.ts";
import type { DiskDevice } from "./disk_device.ts";
import type { Mechanisms } from "./mechanisms.ts";
import type { SwapOptions } from "./swap_device.ts";
import type { Vm } from "./vm.ts";

/** What the kernel tells its owner. Called synchronously; must not call back into the kernel, nor throw. */
export interface KernelEvents {
  /** Console output; `bytes` is only valid during the call. */
  console(vm: Vm, bytes: Uint8Array): void;
  /**
   * How many bytes `console` would take of this VM now; default: any number. At 0 the VM that writes
   * takes no turn until `consoleReady`, and no other VM notices.
   */
  consoleRoom?(vm: Vm): number;
  /** After every change of `vm.state`; "running" and "idle" change very often. */
  state(vm: Vm): void;
  /** A frame for the world outside, valid during the call; false = no room (dropped, counted). */
  uplink(frame: Uint8Array, offload: number): boolean;
}

export interface KernelOptions {
  clock: Clock;
  /** Bytes of the pool, a multiple of 4096, at most 2 GiB - 64 KiB. */
  poolBytes: number;
  events: KernelEvents;
  /** Work per time slice; default DEFAULT_QUANTUM. */
  quantum?: number;
  /** For measurements: which of two mechanisms; default DEFAULT_MECHANISMS. */
  mechanisms?: Partial<Mechanisms>;
  /** What runs the guests' code. They notice nothing of it but the speed. */
  engine?: EngineSettings;
  /** The pool's memory; at least `poolBytes` long. */
  memory?: SharedArrayBuffer | ArrayBuffer;
  /** What frames to the uplink need not be completed: TAKES_ of devices/offload.ts; default: none. */
  readonly uplinkTakes?: number;
  /** Hears of every frame that a VM sends or the uplink brings. */
  trace?: FrameTrace;
  /** Bytes that the flat page tables of all VMs may take together. */
  softTlbBytes?: number;
  /** Where pages go when memory runs short; default: nowhere, and VMs that need more are paused. */
  swap?: SwapOptions;
  /** Who owns the files of disks; default: nobody, and VMs have no disks. */
  disks?: DiskDevice;
}
