/**
 * Gives the processor to VMs: takes the one whose turn it is, lets it run (processor.ts), and puts it where
 * it belongs after that.
 *
 * What the work done exceeds a budget by is owed, and is taken from the next budget first: `run` never
 * returns more than its budget, and code that only computes retires exactly what it was given.
 *
 * A quantum that the end of a budget cuts in two goes on where it was, without looking at timers or
 * interrupts in between: how `run` is cut into budgets changes nothing that a guest can see, as long as
 * time does not depend on it.
 */

import type { Engine } from "../cpu/engine.ts";
import type { CpuState } from "../cpu/state.ts";
import { INTERRUPTS } from "./abi.ts";
import { type Clock, DeterministicClock } from "./clock.ts";
import { CpuCaps } from "./cpu_caps.ts";
import type { Disks } from "./disks.ts";
import type { Lifecycle } from "./exits.ts";
import type { Mechanisms } from "./mechanisms.ts";
import type { Network } from "./network.ts";
import type { Pager } from "./pager.ts";
import { Processor } from "./processor.ts";
import type { Limits } from "./resources.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SoftTlb } from "./soft_tlb.ts";
import type { Vm } from "./vm.ts";
import {
  CPU_TIMER,
  DEVICE_TIMER,
  IDLE_TIMER,
  NET_TIMER,
  type TimerKind,
  type VmTimers,
} from "./vm_timers.ts";

/**
 * Most work that a VM does before what it has sent is delivered: half a millisecond. Counted in its turn,
 * not in budgets, so that these change nothing.
 */
const DRAIN_WORK = 50_000;
/** No VM is runnable. */
const NOBODY = -1;

export interface DispatcherParts {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly scheduler: Scheduler<Vm>;
  readonly timers: VmTimers;
  readonly softTlb: SoftTlb;
  readonly network: Network;
  readonly disks: Disks;
  readonly pager: Pager;
  readonly lifecycle: Lifecycle;
  readonly mechanisms: Mechanisms;
}

export class Dispatcher {
  readonly #clock: Clock;
  readonly #virtualClock: DeterministicClock | null;
  readonly #scheduler: Scheduler<Vm>;
  readonly #timers: VmTimers;
  readonly #network: Network;
  readonly #disks: Disks;
  readonly #pager: Pager;
  readonly #lifecycle: Lifecycle;
  readonly #synchronous: boolean;
  readonly #processor: Processor;
  readonly #caps: CpuCaps;
  readonly #expired: (vm: Vm, kind: TimerKind, now: number) => void;
  /** The VM whose quantum was cut by the end of a budget. */
  #current: Vm | null = null;
  /** The VM that has the processor or is about to get it. */
  #running: Vm | null = null;
  /** Work done beyond the last budget. */
  #owed = 0;
  /** Work of the running VM until what it sent is delivered. */
  #untilDrain = DRAIN_WORK;

  constructor(parts: DispatcherParts) {
    this.#clock = parts.clock;
    this.#virtualClock = parts.clock instanceof DeterministicClock ? parts.clock : null;
    this.#scheduler = parts.scheduler;
    this.#timers = parts.timers;
    this.#network = parts.network;
    this.#disks = parts.disks;
    this.#pager = parts.pager;
    this.#lifecycle = parts.lifecycle;
    this.#synchronous = parts.mechanisms.interrupts === "synchronous";
    this.#processor = new Processor({
      ...parts,
      spins: parts.mechanisms.idle === "spin",
      interrupted: this.#synchronous ? () => this.#interrupts() : null,
    });
    this.#caps = new CpuCaps(parts);
    this.#expired = (vm, kind, now) => this.#timerExpired(vm, kind, now);
  }

  /** Time slices begun. */
  get quanta(): number {
    return this.#processor.quanta;
  }

  /** Time slices begun in another VM than the one before. */
  get switches(): number {
    return this.#processor.switches;
  }

  /** True if `run` would run a VM now. */
  get runnable(): boolean {
    return this.#current !== null || this.#scheduler.size > 0 || this.#pager.busy ||
      this.#disks.news ||
      this.#timers.next <= this.#clock.monotonic();
  }

  /** Runs VMs for at most `budget` units of work; returns the work done. */
  run(budget: number): number {
    if (!Number.isSafeInteger(budget) || budget < 0) {
      throw new RangeError(`budget: expected a whole number of units of work, got ${budget}`);
    }
    let left = budget - this.#owed;
    while (left > 0) {
      const done = this.#runNext(left);
      if (done !== NOBODY) left -= done;
      else if (!this.#pager.busy && !this.#disks.news && !this.#jump()) break;
    }
    this.#owed = Math.max(0, -left);
    return budget - Math.max(0, left);
  }

  /** Runs the VM whose turn it is for at most `limit` units; returns the work done, or NOBODY. */
  #runNext(limit: number): number {
    this.#cut();
    const vm = this.#current ?? this.#next();
    if (vm === null) return NOBODY;
    this.#current = null;
    this.#running = vm;
    const done = this.#runVm(vm, Math.min(limit, this.#scheduler.turn, this.#untilDrain));
    this.#running = null;
    this.#untilDrain -= done;
    if (this.#current === null || this.#untilDrain <= 0) this.#drain();
    return done;
  }

  /** RDTSC for the VM that runs. */
  timestamp(cpu: CpuState): number {
    return this.#processor.timestamp(cpu);
  }

  /** Sets interrupt bits; an idle VM wakes. */
  raise(vm: Vm, bits: number): void {
    if (vm.ended) return;
    vm.latched |= bits;
    if (vm.state === "idle") this.#wake(vm);
  }

  /** A frame has come for a VM. */
  raiseReceive(vm: Vm): void {
    this.raise(vm, INTERRUPTS.INTERRUPT_NIC_RECEIVE.value);
    if (!this.#synchronous) return;
    if (this.#current === vm) this.#current = null;
    else if (vm.queue === null) return;
    this.#scheduler.force(vm);
  }

  /** Switches to the VMs that frames have just come for; what they do is owed to the next budget. */
  switchNow(): void {
    // VMs that answer each other could hold the caller for ever.
    for (let left = this.#scheduler.quantum; left > 0 && this.#scheduler.forced;) {
      const done = this.#runNext(left);
      if (done === NOBODY) return;
      left -= done;
      this.#owed += done;
    }
  }

  /** Takes a VM out of the queue of those that run, and stops its timers. */
  unschedule(vm: Vm): void {
    this.#scheduler.remove(vm);
    this.#pager.forget(vm);
    this.#timers.cancelAll(vm);
    vm.cpuWaits = false;
    if (this.#current === vm) this.#current = null;
    this.#processor.forget(vm);
  }

  /** Lets a paused VM go on: returns the state that it goes back to. Timers that are due expire now. */
  reschedule(vm: Vm): "running" | "idle" {
    this.#timers.arm(vm, DEVICE_TIMER, vm.timer.deadline);
    if (vm.pausedFrom === "idle" && vm.latched === 0 && vm.idleUntil > this.#clock.monotonic()) {
      this.#timers.arm(vm, IDLE_TIMER, vm.idleUntil);
      return "idle";
    }
    this.#network.resume(vm);
    if (!vm.consoleWaits) this.#scheduler.ready(vm);
    return "running";
  }

  /** Gives a VM other limits. */
  setLimits(vm: Vm, limits: Limits): void {
    const { cpuWeight, cpus } = limits;
    if (cpuWeight !== vm.weight) this.#scheduler.setWeight(vm, cpuWeight);
    if (cpus !== vm.limits.cpus) this.#caps.set(vm, limits);
    this.#network.setLimits(vm, limits);
    vm.limits = limits;
  }

  /** A VM that waited for a page goes on. */
  pageReady(vm: Vm): void {
    if (vm.active && vm !== this.#running) this.#scheduler.wake(vm);
  }

  /** A VM whose console had no room takes its turn again. */
  consoleReady(vm: Vm): void {
    if (!vm.consoleWaits) return;
    vm.consoleWaits = false;
    if (vm.active) this.#scheduler.ready(vm);
  }

  /** Lets a deterministic clock jump to the next deadline; false if there is nothing to wait for. */
  #jump(): boolean {
    const { next } = this.#timers;
    if (!this.#virtualClock || next === Infinity) return false;
    if (this.#pager.underWay + this.#disks.underWay > 0) return false;
    this.#virtualClock.jump(next);
    return true;
  }

  /** Delivers what VMs have sent. */
  #drain(): void {
    this.#network.drain();
    this.#untilDrain = DRAIN_WORK;
  }

  /** Ends the turn of the VM that runs if another one is to go first. */
  #cut(): void {
    if (this.#current === null || !this.#scheduler.cut) return;
    this.#scheduler.pass(this.#current);
    this.#current = null;
  }

  /** Takes the next VM and begins its quantum; null if none is runnable. */
  #next(): Vm | null {
    for (;;) {
      if (this.#timers.size > 0) this.#timers.expire(this.#clock.monotonic(), this.#expired);
      this.#pager.poll();
      this.#disks.poll();
      const vm = this.#scheduler.next();
      if (vm === null) return null;
      this.#running = vm;
      const begun = this.#caps.mayRun(vm) && this.#pager.admit(vm) &&
        this.#processor.begin(vm);
      this.#running = null;
      if (begun) return vm;
      if (vm.pageWaits) this.#scheduler.idle(vm);
    }
  }

  #timerExpired(vm: Vm, kind: TimerKind, now: number): void {
    switch (kind) {
      case IDLE_TIMER:
        return this.#wake(vm);
      case CPU_TIMER:
        return this.#caps.endWait(vm);
      case NET_TIMER:
        return this.#network.resume(vm);
    }
    vm.timer.expire(now);
    // Who takes no turn is told once: the shortest period must not keep awake whoever waits for deadlines.
    vm.timerWaits = vm.waits !== null;
    if (!vm.timerWaits) this.#timers.arm(vm, DEVICE_TIMER, vm.timer.deadline);
    this.raise(vm, INTERRUPTS.INTERRUPT_TIMER.value);
  }

  #wake(vm: Vm): void {
    this.#timers.cancel(vm, IDLE_TIMER);
    this.#scheduler.wake(vm);
    this.#lifecycle.setState(vm, "running");
  }

  /** Runs a VM for `limit` units, and queues it again if it goes on. Returns the work done. */
  #runVm(vm: Vm, limit: number): number {
    const done = this.#processor.run(vm, limit);
    const { yielded } = this.#processor;
    if (vm.active && !yielded && this.#scheduler.turn > 0) {
      this.#current = vm;
    } else if (vm.pageWaits) {
      this.#scheduler.idle(vm);
    } else {
      if (vm.active && yielded) this.#scheduler.ready(vm);
      else if (vm.active) this.#scheduler.pass(vm);
      this.#pager.turnEnded(vm);
    }
    return done;
  }

  /** Delivers what the VM that runs has sent; true if that switches to another VM. */
  #interrupts(): boolean {
    this.#network.drain();
    return this.#scheduler.forced;
  }
}
