/**
 * The processor, which one VM has at a time: begins its turn, delivers what is pending, runs the engine,
 * acts on each of its exits, and charges the VM.
 *
 * Work is what budgets, quanta and the deterministic clock count. One unit is one retired instruction; or,
 * if time is the host's, about the time that evaluating one takes, of which translated code does eight.
 * What a guest can ask of the kernel costs more than an instruction and is charged in addition
 * (EXIT_WORK, BYTES_PER_WORK of exits.ts), so that no guest gets more time by calling the kernel than by
 * computing, and none can stay in the kernel without end.
 */

import { type Engine, EXIT_BUDGET, PREPARATION_LIMIT } from "../cpu/engine.ts";
import type { CpuState } from "../cpu/state.ts";
import { INTERRUPTS } from "./abi.ts";
import { type Clock, DeterministicClock, TICKS_PER_MICROSECOND } from "./clock.ts";
import { type ExitParts, Exits } from "./exits.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SoftTlb } from "./soft_tlb.ts";
import type { Vm } from "./vm.ts";
import { DEVICE_TIMER } from "./vm_timers.ts";

/** Work charged for an exit to the kernel: I/O, an upcall, IRET, idle. */
export const EXIT_WORK = 8;
/**
 * Where time is the host's, work that a VM is charged for each turn, and a unit for so many pages whose tables
 * it had lost: a VM that wakes all the time has turns of which little is its own instructions.
 */
const TURN_WORK = 64, PAGES_PER_WORK = 16;
/**
 * Most microseconds of DRAIN_WORK (dispatcher.ts): four times as long as it takes otherwise. What a guest asks for can cost more
 * than it counts. After so long its turn is over, as if it had used it up.
 */
const SLICE_US = 2000;
/** Work after which the time is looked at. */
const LOOK_WORK = 4096;

export interface ProcessorParts extends Omit<ExitParts, "timestamp"> {
  readonly engine: Engine;
  readonly softTlb: SoftTlb;
  /** Asked after each exit: true if the VM is to stop at once; null: it never is. */
  readonly interrupted: (() => boolean) | null;
}

export class Processor {
  /** Time slices begun. */
  quanta = 0;
  /** Time slices begun in another VM than the one before. */
  switches = 0;
  readonly #parts: ProcessorParts;
  readonly #clock: Clock;
  readonly #virtualClock: DeterministicClock | null;
  readonly #engine: Engine;
  readonly #softTlb: SoftTlb;
  readonly #scheduler: Scheduler<Vm>;
  readonly #interrupted: (() => boolean) | null;
  readonly #exits: Exits;
  #last: Vm | null = null;
  /** The running VM's `retired` when the clock was last advanced. */
  #retiredBefore = 0;
  /** The turn that begins: what it is charged in addition, and when it began, 0: it goes on. */
  #turnWork = 0;
  #turnBegan = 0;

  constructor(parts: ProcessorParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#virtualClock = parts.clock instanceof DeterministicClock ? parts.clock : null;
    this.#engine = parts.engine;
    this.#softTlb = parts.softTlb;
    this.#scheduler = parts.scheduler;
    this.#interrupted = parts.interrupted;
    this.#exits = new Exits({ ...parts, timestamp: (cpu, now) => this.timestamp(cpu, now) });
  }

  /** The VM that ran last has given up the rest of its turn. */
  get yielded(): boolean {
    return this.#exits.yielded;
  }

  /** RDTSC for the VM that runs. */
  timestamp(cpu: CpuState, now: number = this.#clock.monotonic()): number {
    if (this.#virtualClock) return this.#virtualClock.ticks(cpu.retired - this.#retiredBefore);
    return Math.floor(now * TICKS_PER_MICROSECOND);
  }

  /** Prepares a VM for its quantum and delivers what is pending; false if that ended or paused it. */
  begin(vm: Vm): boolean {
    this.quanta++;
    vm.quanta++;
    this.#engine.preparation = 0;
    if (vm !== this.#last) this.switches++;
    this.#last = vm;
    this.#retiredBefore = vm.cpu.retired;
    // To read the clock costs as much as a switch.
    this.#turnBegan = this.#exits.refreshClock(vm);
    if (vm.registers.takeDeadline(this.#turnBegan - vm.startedAt)) {
      vm.latched |= INTERRUPTS.INTERRUPT_TIMER.value;
    }
    const pages = this.#softTlb.attach(vm.space);
    const work = Math.min(TURN_WORK, this.#scheduler.quantum >> 8);
    this.#turnWork = this.#virtualClock ? 0 : work + Math.floor(pages / PAGES_PER_WORK);
    if (vm.timerWaits) this.#resumeTimer(vm);
    if (vm.exceptionWaits) {
      vm.exceptionWaits = false;
      this.#exits.exception(vm);
    }
    const { disks, pager } = this.#parts;
    if (vm.active && vm.disk?.starved && !disks.resume(vm)) pager.wait(vm);
    if (vm.active) this.#exits.deliver(vm);
    return vm.active;
  }

  /**
   * Runs a VM for `limit` units, or until it takes no turns or gives up this one, and charges it. Returns the
   * work done, which exceeds the limit by no more than the charge for its last exit.
   */
  run(vm: Vm, limit: number): number {
    vm.registers.open();
    this.#exits.yielded = false;
    const begun = this.#turnBegan || this.#clock.monotonic();
    this.#turnBegan = 0;
    let done = 0, look = LOOK_WORK, late = false;
    while (done < limit && vm.active && !this.#exits.yielded) {
      // The pager takes the tables of a VM that it favours.
      this.#softTlb.attach(vm.space);
      done += this.#step(vm, limit - done);
      if (this.#interrupted?.()) break;
      if (done < look || this.#virtualClock) continue;
      look = done + LOOK_WORK;
      late = this.#clock.monotonic() - begun > SLICE_US;
      if (late) break;
    }
    const charge = done + this.#turnWork;
    this.#turnWork = 0;
    this.#scheduler.charge(vm, late ? Math.max(charge, this.#scheduler.turn) : charge);
    vm.cpuTime?.spend(this.#clock.monotonic() - begun);
    return done;
  }

  /** The VM takes no turns any more, or not for now. */
  forget(vm: Vm): void {
    if (this.#last === vm) this.#last = null;
  }

  /** A timer goes on that expired while its VM took no turns. */
  #resumeTimer(vm: Vm): void {
    vm.timerWaits = false;
    const now = this.#clock.monotonic();
    if (vm.timer.deadline <= now) vm.timer.expire(now);
    this.#parts.timers.arm(vm, DEVICE_TIMER, vm.timer.deadline);
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
}
