/** Counters of a kernel, for operators, metrics and benchmarks. */

import type { Engine, EngineStats } from "../cpu/engine.ts";
import type { DropReason } from "../devices/switch.ts";
import type { Disks, DiskStats } from "./disks.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { FrameTable } from "./frames.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import type { Pager } from "./pager.ts";
import type { SoftTlb } from "./soft_tlb.ts";
import type { SwapSpace } from "./swap_space.ts";
import type { Vm } from "./vm.ts";
import type { VmTimers } from "./vm_timers.ts";

export interface KernelStats {
  /** VMs that exist, ended ones included. */
  readonly vms: number;
  /** VMs in state "running". */
  readonly runnable: number;
  /** Sums over all VMs since the kernel was made. */
  readonly instructions: number;
  readonly interrupts: number;
  readonly exceptions: number;
  readonly consoleBytes: number;
  /** Time slices begun, and those among them that began in another VM than the one before. */
  readonly quanta: number;
  readonly switches: number;
  /** Timers that are armed. */
  readonly timers: number;
  readonly frames: {
    /** Frames of 4 KiB in the pool. */
    readonly total: number;
    readonly free: number;
    /** Frames that hold images. */
    readonly image: number;
    /** Frames that belong to one VM. */
    readonly private: number;
    /** Pages of images that VMs could read, counted once per VM: what sharing stands for. */
    readonly shared: number;
  };
  readonly engine: EngineStats;
  /** Pages of 4 KiB. */
  readonly swap: {
    /** Slots that VMs may have, and those that no VM has; 0: there is no swap. */
    readonly total: number;
    readonly free: number;
    /** Pages of VMs in memory, and in swap only. */
    readonly resident: number;
    readonly swapped: number;
    /** VMs wholly in swap, those that wait for memory, and those that are paused for want of it. */
    readonly vmsOut: number;
    readonly vmsWaiting: number;
    readonly vmsPaused: number;
    /** Times a VM had to wait for a page in swap. */
    readonly faults: number;
    readonly pageIns: number;
    readonly pageOuts: number;
    /** Pages that left memory without being written. */
    readonly dropped: number;
    /** Transfers, and those that failed. */
    readonly reads: number;
    readonly writes: number;
    readonly errors: number;
    readonly underWay: number;
    /** 1 if a write found no room on the disk, until the next one is tried (a second later). */
    readonly diskFull: number;
  };
  readonly disks: DiskStats;
  readonly metadata: {
    readonly pageMapBytes: number;
    readonly softTlbBytes: number;
    readonly softTlbRefills: number;
    /** Memory of waiting Ethernet frames. */
    readonly packetBytes: number;
  };
  readonly network: {
    /** Frames delivered to a port. */
    readonly delivered: number;
    /** Frames that wait in the queues of all VMs. */
    readonly waiting: number;
    /** Frames that left through the uplink. */
    readonly uplink: number;
    readonly drops: Readonly<Record<DropReason, number>>;
  };
}

/** Sums of counters. */
export interface VmTotals {
  instructions: number;
  interrupts: number;
  exceptions: number;
  consoleBytes: number;
}

export interface StatsSources {
  readonly vms: ReadonlyMap<number, Vm>;
  readonly images: ReadonlySet<Image>;
  /** What destroyed VMs had counted. */
  readonly past: Readonly<VmTotals>;
  readonly frames: FrameTable;
  readonly timers: VmTimers;
  readonly softTlb: SoftTlb;
  readonly network: Network;
  readonly disks: Disks;
  readonly dispatcher: Dispatcher;
  readonly engine: Engine;
  readonly pager: Pager;
  readonly swap: SwapSpace | null;
}

/** Collects the counters; the time it takes grows with the number of VMs. */
export function collectStats(sources: StatsSources): KernelStats {
  const { frames, softTlb, network, dispatcher } = sources;
  const images = [...sources.images];
  const vms = [...sources.vms.values()];
  const living = vms.filter((vm) => !vm.ended);
  const { delivered, drops } = network.switch.stats();
  return {
    vms: vms.length,
    runnable: living.filter((vm) => vm.state === "running").length,
    ...sumCounters(vms, sources.past),
    quanta: dispatcher.quanta,
    switches: dispatcher.switches,
    timers: sources.timers.size,
    frames: {
      total: frames.total,
      free: frames.free,
      image: sum(images, (image) => image.frameCount),
      private: sum(living, (vm) => vm.space.resident),
      shared: sum(images, (image) => image.frameCount * image.users),
    },
    engine: sources.engine.stats(),
    swap: collectSwap(sources, living),
    disks: sources.disks.stats,
    metadata: {
      pageMapBytes: sum(living, (vm) => vm.space.mapBytes),
      softTlbBytes: softTlb.bytes,
      softTlbRefills: softTlb.refills,
      packetBytes: network.pool.bytes,
    },
    network: { delivered, waiting: network.pool.used, uplink: network.framesUp, drops },
  };
}

function collectSwap({ pager, swap }: StatsSources, living: readonly Vm[]): KernelStats["swap"] {
  return {
    total: swap?.pages ?? 0,
    free: swap?.available ?? 0,
    resident: sum(living, (vm) => vm.space.resident),
    swapped: sum(living, (vm) => vm.space.swapped),
    vmsOut: living.filter((vm) => vm.space.resident === 0).length,
    vmsWaiting: pager.gatekeeper.waiting,
    vmsPaused: pager.gatekeeper.paused,
    faults: pager.faults,
    ...pager.counters,
    dropped: pager.dropped,
    underWay: pager.underWay,
    diskFull: Number(pager.diskFull),
  };
}

function sumCounters(vms: readonly Vm[], past: Readonly<VmTotals>): VmTotals {
  return {
    instructions: past.instructions + sum(vms, (vm) => vm.cpu.retired),
    interrupts: past.interrupts + sum(vms, (vm) => vm.interrupts),
    exceptions: past.exceptions + sum(vms, (vm) => vm.exceptions),
    consoleBytes: past.consoleBytes + sum(vms, (vm) => vm.console.written),
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
