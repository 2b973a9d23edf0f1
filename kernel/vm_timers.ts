/**
 * The timers of VMs: four each, in the kernel's one heap.
 *
 * The heap knows numbers only; here a VM gets a slot while it lives, and its timers the numbers from
 * KINDS * slot on.
 */

import { KernelBug } from "./errors.ts";
import { TimerHeap } from "./timers.ts";
import type { Vm } from "./vm.ts";

/** The VM's timer device. */
export const DEVICE_TIMER = 0;
/** The end of its idling. */
export const IDLE_TIMER = 1;
/** It has used up its processor time (kernel/resources.ts). */
export const CPU_TIMER = 2;
/** Frames wait for its rate. */
export const NET_TIMER = 3;
export type TimerKind =
  | typeof DEVICE_TIMER
  | typeof IDLE_TIMER
  | typeof CPU_TIMER
  | typeof NET_TIMER;
const KINDS = 4;

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
    this.cancelAll(vm);
    this.#slots[vm.slot] = null;
    this.#freeSlots.push(vm.slot);
  }

  /** Sets a timer; a deadline of Infinity cancels it. */
  arm(vm: Vm, kind: TimerKind, deadline: number): void {
    if (deadline < Infinity) this.#heap.set(KINDS * vm.slot + kind, deadline);
    else this.cancel(vm, kind);
  }

  /** Sets a timer unless it expires sooner already. */
  armSooner(vm: Vm, kind: TimerKind, deadline: number): void {
    if (deadline < this.#heap.deadline(KINDS * vm.slot + kind)) this.arm(vm, kind, deadline);
  }

  cancel(vm: Vm, kind: TimerKind): void {
    this.#heap.cancel(KINDS * vm.slot + kind);
  }

  cancelAll(vm: Vm): void {
    for (let kind = 0; kind < KINDS; kind++) this.cancel(vm, kind as TimerKind);
  }

  /** Disarms the timers whose deadline is at or before `now`, and calls `expired` for each. */
  expire(now: number, expired: (vm: Vm, kind: TimerKind, now: number) => void): void {
    // Each timer at most once, so that the shortest period cannot hold the kernel here.
    for (let bound = this.#heap.size; bound > 0; bound--) {
      const timer = this.#heap.expire(now);
      if (timer < 0) return;
      const vm = this.#slots[Math.floor(timer / KINDS)];
      if (!vm) throw new KernelBug(`timer ${timer} expired for no VM`);
      expired(vm, (timer % KINDS) as TimerKind, now);
    }
  }
}
