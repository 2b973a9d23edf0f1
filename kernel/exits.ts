/**
 * What the kernel does when the engine returns from a VM: it acts on the exit, and calls handlers of the
 * guest.
 *
 * Whatever the guest did, this ends in one of three ways: the VM goes on, it no longer takes turns (it
 * idles, waits, has ended), or it has `yielded` the rest of this one.
 */

import {
  EXIT_EXCEPTION,
  EXIT_IDLE,
  EXIT_IO_REQUEST,
  EXIT_IRET,
  EXIT_TERMINATE,
  EXIT_WAIT,
} from "../cpu/engine.ts";
import { type CpuState, EAX, ESP } from "../cpu/state.ts";
import { CONSTANTS } from "./abi.ts";
import type { Clock } from "./clock.ts";
import { describeException, type ExceptionReport, exceptionReport } from "./crash.ts";
import { KernelBug } from "./errors.ts";
import {
  deliverException,
  deliverInterrupts,
  returnFromUpcall,
  UPCALL_DONE,
  UPCALL_DOUBLE_FAULT,
  UPCALL_FAULT,
  UPCALL_STARVED,
} from "./interrupts.ts";
import type { Disks } from "./disks.ts";
import type { Network } from "./network.ts";
import type { Pager } from "./pager.ts";
import { IO_CONSOLE_FULL, IO_DONE } from "./port_io.ts";
import { Ports } from "./ports.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Vm, VmState } from "./vm.ts";
import { DEVICE_TIMER, IDLE_TIMER, type VmTimers } from "./vm_timers.ts";

/** Bytes that a device operation moves for one unit of work. */
export const BYTES_PER_WORK = 16;

/** What the kernel's parts ask of the VM's owner. */
export interface Lifecycle {
  setState(vm: Vm, state: VmState): void;
  stop(vm: Vm, code: number): void;
  crash(vm: Vm, reason: string, exception: ExceptionReport | null): void;
}

export interface ExitParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler<Vm>;
  readonly timers: VmTimers;
  readonly network: Network;
  readonly disks: Disks;
  readonly pager: Pager;
  readonly lifecycle: Lifecycle;
  /** Idle returns at once (kernel/mechanisms.ts). */
  readonly spins: boolean;
  /** RDTSC for the VM that runs, at a time that was just read. */
  timestamp(cpu: CpuState, now: number): number;
}

export class Exits {
  /** The VM that runs has given up the rest of its turn. */
  yielded = false;
  readonly #parts: ExitParts;
  readonly #clock: Clock;
  readonly #pager: Pager;
  readonly #lifecycle: Lifecycle;
  readonly #ports: Ports;

  constructor(parts: ExitParts) {
    const { clock, timers, network, disks } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#pager = parts.pager;
    this.#lifecycle = parts.lifecycle;
    this.#ports = new Ports({
      now: () => clock.monotonic(),
      refreshClock: (vm) => this.refreshClock(vm),
      armTimer: (vm) => timers.arm(vm, DEVICE_TIMER, vm.timer.deadline),
      network,
      disks,
    });
  }

  /** Acts on an exit. Returns what is to be charged in addition. */
  act(vm: Vm, exit: number): number {
    switch (exit) {
      case EXIT_IO_REQUEST:
        return this.#io(vm);
      case EXIT_IDLE:
        this.#idle(vm);
        return 0;
      case EXIT_TERMINATE:
        this.#lifecycle.stop(vm, vm.cpu.i32[EAX]);
        return 0;
      case EXIT_IRET:
        vm.registers.open();
        this.#return(vm);
        return 0;
      case EXIT_EXCEPTION:
        this.exception(vm);
        return 0;
      case EXIT_WAIT:
        this.#pager.wait(vm);
        return 0;
      default:
        throw new KernelBug(`the engine returned exit ${exit}`);
    }
  }

  #return(vm: Vm): void {
    const result = returnFromUpcall(vm);
    if (result === UPCALL_DONE) vm.cpu.retired++;
    else if (result === UPCALL_FAULT) this.exception(vm);
    else this.#pager.wait(vm);
  }

  #io(vm: Vm): number {
    const result = this.#ports.perform(vm);
    if (result === IO_CONSOLE_FULL) this.yielded = vm.consoleWaits = true;
    else if (result === EXIT_WAIT) this.#pager.wait(vm);
    else if (result !== IO_DONE) this.exception(vm);
    return Math.floor(this.#ports.moved / BYTES_PER_WORK);
  }

  #idle(vm: Vm): void {
    vm.registers.open();
    if ((vm.registers.interruptPending | vm.latched) !== 0) {
      this.deliver(vm);
      return;
    }
    if (this.#parts.spins) return;
    const timeout = vm.cpu.i32[EAX] >>> 0;
    if (timeout === 0) {
      this.yielded = true;
      return;
    }
    const forever = timeout === CONSTANTS.IDLE_FOREVER.value;
    const until = forever ? Infinity : this.#clock.monotonic() + timeout;
    vm.idleUntil = Math.min(until, vm.startedAt + vm.registers.deadline);
    this.#parts.timers.arm(vm, IDLE_TIMER, vm.idleUntil);
    this.#parts.scheduler.idle(vm);
    this.#lifecycle.setState(vm, "idle");
  }

  /** Shows the VM what is pending, and calls its handler. */
  deliver(vm: Vm): void {
    if (vm.latched !== 0) {
      vm.registers.raise(vm.latched);
      vm.latched = 0;
    }
    const result = deliverInterrupts(vm);
    if (result === UPCALL_STARVED) this.#pager.wait(vm);
    if (result === UPCALL_DOUBLE_FAULT) {
      const esp = (vm.cpu.i32[ESP] >>> 0).toString(16);
      this.#lifecycle.crash(vm, `interrupt upcall: esp = 0x${esp} is no stack`, null);
    }
  }

  /** Calls the handler for the exception in the EXIT_ words; without one the VM crashes. */
  exception(vm: Vm): void {
    vm.registers.open();
    const result = deliverException(vm);
    if (result === UPCALL_DONE) return;
    if (result === UPCALL_STARVED) {
      vm.exceptionWaits = true;
      this.#pager.wait(vm);
      return;
    }
    const exception = exceptionReport(vm);
    const text = describeException(vm, exception);
    const doubled = result === UPCALL_DOUBLE_FAULT;
    const esp = (vm.cpu.i32[ESP] >>> 0).toString(16);
    this.#lifecycle.crash(
      vm,
      doubled ? `double fault: ${text}; esp = 0x${esp} is no stack` : text,
      exception,
    );
  }

  /** Writes the time registers; returns the time. */
  refreshClock(vm: Vm): number {
    const now = this.#clock.monotonic();
    vm.registers.open();
    const timestamp = this.#parts.timestamp(vm.cpu, now);
    vm.registers.refresh(now - vm.startedAt, this.#clock.wall(), timestamp);
    return now;
  }
}
