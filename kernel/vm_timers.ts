/**
 * The timers of VMs: two each, in the kernel's one heap.
 *
 * The heap knows numbers only; here a VM gets a slot while it lives, and its timers the numbers
 * 2 * slot and 2 * slot + 1.
 */

import { KernelBug } from "./errors.ts";
import { TimerHeap } from "./timers.ts";
import type { Vm } from "./vm.ts";

/** The VM's timer device. */
export const DEVICE_TIMER = 0;
/** The end of its idling. */
export const IDLE_TIMER = 1;
export type TimerKind = typeof DEVICE_TIMER | typeof IDLE_TIMER;

export class VmTimers {
  readonly #heap = new TimerHeap();
  readonly #slots: (Vm | null)[] = [];
  readonly #freeSlots: number[] = [];

  /** Timers that are armed. */
  get size(): number {
    return this.#heap.size;
  }

  /** Earliest deadline, microseconds of Clock.monotonic; Infinity: none. */
  get next(): number {
    return this.#heap.next;
  }

  /** Gives a VM its timers. */
  add(vm: Vm): void {
    vm.slot = this.#freeSlots.pop() ?? this.#slots.length;
    this.#slots[vm.slot] = vm;
  }

  /** Takes a VM's timers away. */
  remove(vm: Vm): void {
    if (this.#slots[vm.slot] !== vm) throw new KernelBug(`VM ${vm.id} has no timers`);
    this.cancel(vm, DEVICE_TIMER);
    this.cancel(vm, IDLE_TIMER);
    this.#slots[vm.slot] = null;
    this.#freeSlots.push(vm.slot);
  }

  /** Sets a timer; a deadline of Infinity cancels it. */
  arm(vm: Vm, kind: TimerKind, deadline: number): void {
    if (deadline < Infinity) this.#heap.set(2 * vm.slot + kind, deadline);
    else this.cancel(vm, kind);
  }

  cancel(vm: Vm, kind: TimerKind): void {
    this.#heap.cancel(2 * vm.slot + kind);
  }

  /** Disarms the timers whose deadline is at or before `now`, and calls `expired` for each. */
  expire(now: number, expired: (vm: Vm, kind: TimerKind, now: number) => void): void {
    // Each timer at most once, so that the shortest period cannot hold the kernel here.
    for (let bound = this.#heap.size; bound > 0; bound--) {
      const timer = this.#heap.expire(now);
      if (timer < 0) return;
      const vm = this.#slots[timer >>> 1];
      if (!vm) throw new KernelBug(`timer ${timer} expired for no VM`);
      expired(vm, (timer & 1) as TimerKind, now);
    }
  }
}
