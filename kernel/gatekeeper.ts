/**
 * Who gets frames next: VMs that wait for memory, first come, first served.
 *
 * A VM waits here because a page of its own is in swap, because there was no frame for a new page, or
 * because it is wholly in swap and must be admitted: then it has to wait until its pages can come in
 * and the reserve of free frames still holds. Meanwhile it is in no run queue and costs nobody
 * anything; packets for it wait in its NIC's queue, which is bounded.
 *
 * The line is the whole policy: nobody passes. VMs that hold many frames stand in a line of their own,
 * because the last frames of the pool are not for them, and they would keep others from those.
 */

import { type FrameTable, SMALL_HOLDING } from "./frames.ts";
import { ABSENT } from "./page_map.ts";
import type { Vm } from "./vm.ts";
import { WaitingLine } from "./waiting_line.ts";

/** The reserve is 1 / 2^RESERVE_SHIFT of the pool, within these bounds (frames). */
const RESERVE_SHIFT = 6, RESERVE_MINIMUM = 8, RESERVE_MAXIMUM = 2048;

/** VMs that wait for frames, and those that are paused because there are none. */
export interface Lines {
  readonly large: boolean;
  readonly waiting: WaitingLine<Vm>;
  readonly paused: WaitingLine<Vm>;
}

export class Gatekeeper {
  readonly small: Lines = lines(false);
  readonly large: Lines = lines(true);
  /** Frames that are to be free at any time. */
  readonly reserve: number;
  /** Frames up to which the pager frees once it begins. */
  readonly target: number;

  constructor(readonly frames: FrameTable) {
    const share = Math.min(RESERVE_MAXIMUM, frames.total >>> RESERVE_SHIFT);
    this.reserve = Math.min(Math.max(RESERVE_MINIMUM, share), frames.total >>> 3);
    this.target = 2 * this.reserve;
  }

  /** VMs that wait. */
  get waiting(): number {
    return this.small.waiting.size + this.large.waiting.size;
  }

  /** VMs that are paused for want of memory. */
  get paused(): number {
    return this.small.paused.size + this.large.paused.size;
  }

  /** The VM waits from now on. */
  enter(vm: Vm): void {
    const { waiting } = this.isLarge(vm) ? this.large : this.small;
    waiting.enter(vm);
  }

  /** Frames that a VM may get now for pages that wait in swap or for a new one: 0 = it waits. */
  allowance(vm: Vm, clusterPages: number): number {
    const { free } = this.frames;
    const { resident, swapped } = vm.space;
    if (this.isLarge(vm)) return Math.max(0, free - this.frames.held);
    const spare = Math.max(0, free - this.reserve);
    if (resident > 0) return Math.max(spare, Math.min(1, free));
    // Wholly in swap: it is admitted only if the reserve holds when it is in.
    return spare >= Math.min(swapped, clusterPages, this.reserve) ? spare : 0;
  }

  /** True if it holds so many frames that the last ones are not for it. */
  isLarge(vm: Vm): boolean {
    return vm.space.resident >= SMALL_HOLDING;
  }

  /** True if the page is one of the VM's own that is in swap. */
  isSwapped(vm: Vm, page: number): boolean {
    const place = vm.space.map.find(page);
    return place >= 0 && vm.space.map.frame(place) === ABSENT;
  }

  /** The VM waits no more. */
  forget(vm: Vm): void {
    for (const { waiting, paused } of [this.small, this.large]) {
      waiting.leave(vm);
      paused.leave(vm);
    }
  }
}

function lines(large: boolean): Lines {
  return { large, waiting: new WaitingLine(), paused: new WaitingLine() };
}
