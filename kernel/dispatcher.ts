/**
 * Gives the processor to VMs: takes the one whose turn it is, delivers what is pending, runs the
 * engine, and acts on each of its exits.
 *
 * Work is what budgets, quanta and the deterministic clock count. One unit is one retired instruction; or,
 * if time is the host's, about the time that evaluating one takes, of which translated code does eight.
 * What a guest can ask of the kernel costs more than an instruction and is charged in addition
 * (EXIT_WORK, BYTES_PER_WORK), so that no guest gets more time by calling the kernel than by computing,
 * and none can stay in the kernel without end. What a charge exceeds the budget by is owed, and is taken
 * from the next budget first: `run` never returns more than its budget, and code that only computes
 * retires exactly what it was given.
 *
 * A quantum that the end of a budget cuts in two goes on where it was, without looking at timers or
 * interrupts in between: how `run` is cut into budgets changes nothing that a guest can see, as long as
 * time does not depend on it.
 */

import type { Engine } from "../cpu/engine.ts";
import { EXIT_BUDGET, PREPARATION_LIMIT } from "../cpu/engine.ts";
import type { CpuState } from "../cpu/state.ts";
import { INTERRUPTS } from "./abi.ts";
import { type Clock, DeterministicClock, TICKS_PER_MICROSECOND } from "./clock.ts";
import { CpuCaps } from "./cpu_caps.ts";
import type { Disks } from "./disks.ts";
import { Exits, type Lifecycle } from "./exits.ts";
import type { Mechanisms } from "./mechanisms.ts";
import type { Network } from "./network.ts";
import type { Pager } from "./pager.ts";
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

/** Work charged for an exit to the kernel: I/O, an upcall, IRET, idle. */
export const EXIT_WORK = 8;
/**
 * Where time is the host's, work that a VM is charged for each turn, and a unit for so many pages whose tables
 * it had lost: a VM that wakes all the time has turns of which little is its own instructions.
 */
const TURN_WORK = 64, PAGES_PER_WORK = 16;
/**
 * Most microseconds of DRAIN_WORK: four times as long as it takes otherwise. What a guest asks for can cost more
 * than it counts. After so long its turn is over, as if it had used it up.
 */
const SLICE_US = 2000;
/** Work after which the time is looked at. */
const LOOK_WORK = 4096;
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
  readonly #engine: Engine;
  readonly #scheduler: Scheduler<Vm>;
  readonly #timers: VmTimers;
  readonly #softTlb: SoftTlb;
  readonly #network: Network;
  readonly #disks: Disks;
  readonly #pager: Pager;
  readonly #lifecycle: Lifecycle;
  readonly #synchronous: boolean;
  readonly #exits: Exits;
  readonly #caps: CpuCaps;
  readonly #expired: (vm: Vm, kind: TimerKind, now: number) => void;
  /** The VM whose quantum was cut by the end of a budget. */
  #current: Vm | null = null;
  /** The VM that has the processor or is about to get it. */
  #running: Vm | null = null;
  #lastRun: Vm | null = null;
  /** The running VM's `retired` when the clock was last advanced. */
  #retiredBefore = 0;
  /** Work done beyond the last budget. */
  #owed = 0;
  /** The turn that begins: what it is charged in addition, and when it began, 0: it goes on. */
  #turnWork = 0;
  #turnBegan = 0;
  /** Work of the running VM until what it sent is delivered. */
  #untilDrain = DRAIN_WORK;
  #switches = 0;
  #quanta = 0;

  constructor(parts: DispatcherParts) {
    this.#clock = parts.clock;
    this.#virtualClock = parts.clock instanceof DeterministicClock ? parts.clock : null;
    this.#engine = parts.engine;
    this.#scheduler = parts.scheduler;
    this.#timers = parts.timers;
    this.#softTlb = parts.softTlb;
    this.#network = parts.network;
    this.#disks = parts.disks;
    this.#pager = parts.pager;
    this.#lifecycle = parts.lifecycle;
    this.#synchronous = parts.mechanisms.interrupts === "synchronous";
    this.#exits = new Exits({
      ...parts,
      spins: parts.mechanisms.idle === "spin",
      timestamp: (cpu, now) => this.timestamp(cpu, now),
    });
    this.#caps = new CpuCaps(parts);
    this.#expired = (vm, kind, now) => this.#timerExpired(vm, kind, now);
  }

  /** Time slices begun. */
  get quanta(): number {
    return this.#quanta;
  }

  /** Time slices begun in another VM than the one before. */
  get switches(): number {
    return this.#switches;
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
  timestamp(cpu: CpuState, now: number = this.#clock.monotonic()): number {
    if (this.#virtualClock) return this.#virtualClock.ticks(cpu.retired - this.#retiredBefore);
    return Math.floor(now * TICKS_PER_MICROSECOND);
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
    if (this.#lastRun === vm) this.#lastRun = null;
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
      const begun = this.#caps.mayRun(vm) && this.#pager.admit(vm) && this.#begin(vm);
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
    vm.timerWaits = vm.pageWaits || vm.consoleWaits || vm.cpuWaits;
    if (!vm.timerWaits) this.#timers.arm(vm, DEVICE_TIMER, vm.timer.deadline);
    this.raise(vm, INTERRUPTS.INTERRUPT_TIMER.value);
  }

  /** A timer goes on that expired while its VM took no turns. */
  #resumeTimer(vm: Vm): void {
    vm.timerWaits = false;
    const now = this.#clock.monotonic();
    if (vm.timer.deadline <= now) vm.timer.expire(now);
    this.#timers.arm(vm, DEVICE_TIMER, vm.timer.deadline);
  }

  #wake(vm: Vm): void {
    this.#timers.cancel(vm, IDLE_TIMER);
    this.#scheduler.wake(vm);
    this.#lifecycle.setState(vm, "running");
  }

  /** Prepares a VM for its quantum and delivers what is pending; false if that ended or paused it. */
  #begin(vm: Vm): boolean {
    this.#quanta++;
    vm.quanta++;
    this.#engine.preparation = 0;
    if (vm !== this.#lastRun) this.#switches++;
    this.#lastRun = vm;
    this.#retiredBefore = vm.cpu.retired;
    // To read the clock costs as much as a switch.
    this.#turnBegan = this.#exits.refreshClock(vm);
    const pages = this.#softTlb.attach(vm.space);
    const work = Math.min(TURN_WORK, this.#scheduler.quantum >> 8);
    this.#turnWork = this.#virtualClock ? 0 : work + Math.floor(pages / PAGES_PER_WORK);
    if (vm.timerWaits) this.#resumeTimer(vm);
    if (vm.exceptionWaits) {
      vm.exceptionWaits = false;
      this.#exits.exception(vm);
    }
    if (vm.active && vm.disk?.starved && !this.#disks.resume(vm)) this.#pager.wait(vm);
    if (vm.active) this.#exits.deliver(vm);
    return vm.active;
  }

  /**
   * Runs a VM for `limit` units, and queues it again if it goes on. Returns the work done, which
   * exceeds the limit by no more than the charge for its last exit.
   */
  #runVm(vm: Vm, limit: number): number {
    vm.registers.open();
    this.#exits.yielded = false;
    const begun = this.#turnBegan || this.#clock.monotonic();
    this.#turnBegan = 0;
    let done = 0, look = LOOK_WORK, late = false;
    while (done < limit && vm.active && !this.#exits.yielded) {
      // The pager takes the tables of a VM that it favours.
      this.#softTlb.attach(vm.space);
      done += this.#step(vm, limit - done);
      if (this.#synchronous && this.#interrupts()) break;
      if (done < look || this.#virtualClock) continue;
      look = done + LOOK_WORK;
      late = this.#clock.monotonic() - begun > SLICE_US;
      if (late) break;
    }
    const charge = done + this.#turnWork;
    this.#turnWork = 0;
    this.#scheduler.charge(vm, late ? Math.max(charge, this.#scheduler.turn) : charge);
    vm.cpuTime?.spend(this.#clock.monotonic() - begun);
    if (vm.active && !this.#exits.yielded && this.#scheduler.turn > 0) {
      this.#current = vm;
    } else if (vm.pageWaits) {
      this.#scheduler.idle(vm);
    } else {
      if (vm.active && this.#exits.yielded) this.#scheduler.ready(vm);
      else if (vm.active) this.#scheduler.pass(vm);
      this.#pager.turnEnded(vm);
    }
    return done;
  }

  /** Runs the engine until its next exit and acts on it. Returns the work done, at least 1. */
  #step(vm: Vm, limit: number): number {
    const { cpu } = vm;
    const before = cpu.retired;
    this.#retiredBefore = before;
    const exit = this.#engine.run(cpu, vm.space, limit);
    const work = this.#engine.worked ?? cpu.retired - before;
    this.#virtualClock?.advance(work);
    this.#retiredBefore = cpu.retired;
    if (exit === EXIT_BUDGET) {
      if ((this.#engine.preparation ?? 0) >= PREPARATION_LIMIT) this.#prepared();
      return work;
    }
    const charge = EXIT_WORK + this.#exits.act(vm, exit);
    this.#virtualClock?.advance(charge);
    return work + charge;
  }

  /**
   * The engine has prepared as much as it may in a quantum: the VM gives way. Not if time is a function of
   * the work done: then nothing may depend on what the engine had prepared already.
   */
  #prepared(): void {
    if (this.#virtualClock) this.#engine.preparation = 0;
    else this.#exits.yielded = true;
  }

  /** Delivers what the VM that runs has sent; true if that switches to another VM. */
  #interrupts(): boolean {
    this.#network.drain();
    return this.#scheduler.forced;
  }
}
