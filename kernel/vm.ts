/**
 * One virtual machine and its life.
 *
 *     created ──> running <──> idle
 *                   │  ^        │ ^
 *                   v  │        v │
 *                   paused ─────┘ (back to where it was)
 *
 *     any of them ──> stopped (ended by itself or by the operator) or crashed
 *
 * A stopped or crashed VM holds no memory; its registers, counters and report remain until it is
 * destroyed.
 *
 * Everything here is written by the kernel only; others read.
 */

import { type CpuState, StoredCpuState } from "../cpu/state.ts";
import { Console, type ConsoleSink } from "../devices/console.ts";
import type { DiskController, DiskCounters } from "../devices/disk.ts";
import { Keyboard } from "../devices/keyboard.ts";
import type { Nic } from "../devices/nic.ts";
import type { SwitchPort } from "../devices/switch.ts";
import type { TokenBucket } from "../devices/token_bucket.ts";
import { Timer } from "../devices/timer.ts";
import type { VmReport } from "./crash.ts";
import { KernelBug } from "./errors.ts";
import type { Image } from "./image.ts";
import type { Memory } from "./memory.ts";
import type { VirtualRegisters } from "./registers.ts";
import type { Resident } from "./residents.ts";
import { type Limits, UNLIMITED } from "./resources.ts";
import type { RunQueue, Schedulable } from "./run_queue.ts";
import { WEIGHT_DEFAULT } from "./scheduler.ts";
import type { NetworkSpec } from "./vm_spec.ts";

export type VmState = "created" | "running" | "idle" | "paused" | "stopped" | "crashed";

const TRANSITIONS: Readonly<Record<VmState, readonly VmState[]>> = {
  created: ["running", "stopped", "crashed"],
  running: ["idle", "paused", "stopped", "crashed"],
  idle: ["running", "paused", "stopped", "crashed"],
  paused: ["running", "idle", "stopped", "crashed"],
  stopped: [],
  crashed: [],
};

/** What a VM takes no turns for though it is "running": a page or a frame, time that its cap leaves it, room. */
export type Wait = "memory" | "processor" | "console";

/** Counters of one VM since its creation. */
export interface VmStats {
  /** Instructions retired. */
  readonly instructions: number;
  /** Time slices begun, and those put off because its processor time was used up. */
  readonly quanta: number;
  readonly throttled: number;
  /** Upcalls for interrupts, and for exceptions. */
  readonly interrupts: number;
  readonly exceptions: number;
  readonly framesIn: number;
  readonly framesOut: number;
  /** Frames dropped because the receive queue was full. */
  readonly drops: number;
  /** Page frames that belong to this VM alone. */
  readonly privateFrames: number;
  /** Its pages that are in swap only. */
  readonly swappedPages: number;
  /** Times it had to wait for a page in swap. */
  readonly faults: number;
  /** Pages read from swap, and written to it. */
  readonly pageIns: number;
  readonly pageOuts: number;
  /** Frames that were taken from it, with or without a write. */
  readonly evictions: number;
  readonly consoleBytes: number;
  /** Null: it has no disks. */
  readonly disk: Readonly<DiskCounters> | null;
}

export interface VmParts {
  readonly id: number;
  readonly name: string;
  readonly image: Image;
  readonly space: Memory;
  readonly registers: VirtualRegisters;
  readonly network: NetworkSpec | null;
  readonly nic: Nic | null;
  readonly disk: DiskController<Vm> | null;
  readonly console: ConsoleSink<Vm>;
}

/** The MAC address of VM `id`: locally administered, "DN", and the number. */
export function macOf(id: number): Uint8Array {
  return Uint8Array.of(0x02, 0x44, 0x4e, id >>> 16, (id >>> 8) & 0xff, id & 0xff);
}

export class Vm implements Schedulable, Resident<Vm> {
  readonly id: number;
  readonly name: string;
  readonly image: Image;
  /** Bytes. */
  readonly memory: number;
  readonly network: NetworkSpec | null;
  /** 0..255 once it is stopped; null before and after a crash. */
  exitCode: number | null = null;
  /** Why the kernel paused it, or "". */
  pauseReason = "";
  crash: VmReport | null = null;

  // What the kernel alone uses.
  readonly cpu: CpuState = new StoredCpuState();
  readonly space: Memory;
  readonly registers: VirtualRegisters;
  readonly console: Console<Vm>;
  readonly keyboard: Keyboard = new Keyboard();
  readonly timer: Timer = new Timer();
  readonly nic: Nic | null;
  readonly disk: DiskController<Vm> | null;
  port: SwitchPort | null = null;
  /** Small number from which its timers are numbered (kernel/vm_timers.ts). */
  slot = -1;
  /** Interrupt bits that came since it was last scheduled. */
  latched = 0;
  /** Its timer expired while it took no turns, and goes on with the next one. */
  timerWaits = false;
  /** Clock.monotonic at its start. */
  startedAt = 0;
  /** End of its idling, microseconds of Clock.monotonic; Infinity: none. */
  idleUntil = Infinity;
  /** The exception in the EXIT_ words could not be delivered yet. */
  exceptionWaits = false;
  pausedFrom: "running" | "idle" = "running";
  /** What it may use of the processor and the network; the kernel changes it. */
  limits: Limits = UNLIMITED;
  /** Microseconds of processor time that it may still use; null: as many as it gets. */
  cpuTime: TokenBucket | null = null;
  /** It takes no turn until it has processor time again, though it is "running". */
  cpuWaits = false;
  /** Its console has no room: it takes no turn until there is some, though it is "running". */
  consoleWaits = false;
  quanta = 0;
  throttled = 0;
  interrupts = 0;
  exceptions = 0;

  // What the pager alone uses.
  /** It takes no turn until a page is there, though it is "running". */
  pageWaits = false;
  /** The page it waits for. */
  waitsFor = 0;
  /** A page came in for it, and it has not run since. */
  fresh = false;
  /** It waited for memory and has not had a whole turn since: its pages stay. */
  sheltered = false;
  /** Pages of it are being read. */
  reading = false;
  /** Swap has, or is getting, a copy of its registers that is not known to be old. */
  registersSaved = false;
  /** Instructions retired when it last waited. */
  stalledAt = -1;
  /** Clock.monotonic when it last began a quantum. */
  lastRun = 0;
  faults = 0;
  pageIns = 0;
  pageOuts = 0;
  evictions = 0;
  older: Vm | null = null;
  newer: Vm | null = null;
  listed = false;

  // Schedulable.
  weight: number = WEIGHT_DEFAULT;
  credit = 0;
  idleFrom = 0;
  queue: RunQueue | null = null;
  queueNext: Schedulable | null = null;
  queuePrevious: Schedulable | null = null;

  #state: VmState = "created";
  #finalFrames = 0;

  constructor(parts: VmParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.image = parts.image;
    this.space = parts.space;
    this.memory = parts.space.size;
    this.registers = parts.registers;
    this.network = parts.network;
    this.nic = parts.nic;
    this.disk = parts.disk;
    this.console = new Console<Vm>(this, parts.console);
  }

  get mac(): Uint8Array {
    return macOf(this.id);
  }

  get state(): VmState {
    return this.#state;
  }

  /** Only the kernel changes the state; a change that the diagram does not show is a bug. */
  changeState(state: VmState): void {
    if (!TRANSITIONS[this.#state].includes(state)) {
      throw new KernelBug(`VM ${this.id}: ${this.#state} -> ${state}`);
    }
    this.#state = state;
  }

  /** Null: it takes its turns, or is not "running". */
  get waits(): Wait | null {
    if (this.#state !== "running") return null;
    if (this.pageWaits) return "memory";
    if (this.cpuWaits) return "processor";
    return this.consoleWaits ? "console" : null;
  }

  /** It has, or waits for, the processor. */
  get active(): boolean {
    return this.#state === "running" && !this.pageWaits && !this.consoleWaits;
  }

  /** Stopped or crashed. */
  get ended(): boolean {
    return this.#state === "stopped" || this.#state === "crashed";
  }

  get stats(): VmStats {
    return {
      instructions: this.cpu.retired,
      quanta: this.quanta,
      throttled: this.throttled,
      interrupts: this.interrupts,
      exceptions: this.exceptions,
      framesIn: this.nic?.framesIn ?? 0,
      framesOut: this.nic?.framesOut ?? 0,
      drops: this.nic?.drops ?? 0,
      privateFrames: this.ended ? this.#finalFrames : this.space.resident,
      swappedPages: this.space.swapped,
      faults: this.faults,
      pageIns: this.pageIns,
      pageOuts: this.pageOuts,
      evictions: this.evictions,
      consoleBytes: this.console.written,
      disk: this.disk?.counters ?? null,
    };
  }

  /** Gives back its memory; the number of its frames stays known. */
  releaseMemory(): void {
    this.#finalFrames = this.space.resident;
    this.space.release();
  }
}
