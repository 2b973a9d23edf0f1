import type { CrashReport } from "./crash.ts";
import type { Image } from "./image.ts";
import type { NetworkSpec } from "./vm_spec.ts";

export type VmState = "created" | "running" | "idle" | "paused" | "stopped" | "crashed";

/** Counters of one VM since its creation. */
export interface VmStats {
  readonly instructions: number;
  /** Times the VM was scheduled. */
  readonly quanta: number;
  readonly interrupts: number;
  readonly exceptions: number;
  readonly framesIn: number;
  readonly framesOut: number;
  /** Frames dropped because the receive queue was full. */
  readonly drops: number;
  /** Page frames that belong to this VM alone. */
  readonly privateFrames: number;
  readonly consoleBytes: number;
}

export interface Vm {
  readonly id: number;
  readonly name: string;
  readonly image: Image;
  /** Bytes. */
  readonly memory: number;
  readonly mac: Uint8Array;
  readonly network: NetworkSpec | null;
  readonly state: VmState;
  /** 0..255, once the state is "stopped". */
  readonly exitCode: number | null;
  /** Why the kernel paused it, or "". */
  readonly pauseReason: string;
  readonly crash: CrashReport | null;
  readonly stats: VmStats;
}
