/**
 * The isolation kernel: virtual machines over one pool of memory, one processor engine and one clock.
 *
 * It is a plain synchronous object. VMs run only inside `run`, and nothing depends on anything but the
 * clock that was injected and the calls that were made: with a DeterministicClock the same calls give
 * the same run. How long things take is counted in units of work, see kernel/processor.ts.
 *
 * Rules for callers:
 * - Event callbacks must not call back into the kernel. What one throws comes out of the call that it
 *   was called from, and the kernel must not be used any more.
 * - ImageError and VmError refuse a request and leave everything as it was. Whatever else is thrown is
 *   a bug of the kernel, which must not be used any more.
 */

import type { Engine } from "../cpu/engine.ts";
import { createEngine } from "../cpu/engine_settings.ts";
import { EIP, ESP } from "../cpu/state.ts";
import type { ConsoleSink } from "../devices/console.ts";
import { INTERRUPTS } from "./abi.ts";
import { checkFree, checkSwap, requireState } from "./admission.ts";
import { type Clock, DeterministicClock } from "./clock.ts";
import { type ExceptionReport, makeReport, type VmReport } from "./crash.ts";
import { Disks } from "./disks.ts";
import { Dispatcher } from "./dispatcher.ts";
import { VmError } from "./errors.ts";
import { createPool, FrameTable } from "./frames.ts";
import { Image } from "./image.ts";
import type { KernelEvents, KernelOptions } from "./kernel_options.ts";
import { DEFAULT_MECHANISMS, type Mechanisms } from "./mechanisms.ts";
import { type FrameCapture, Network } from "./network.ts";
import { Pager } from "./pager.ts";
import { changeLimits, type Resources, UNLIMITED } from "./resources.ts";
import { DEFAULT_QUANTUM, Scheduler } from "./scheduler.ts";
import { SoftTlb } from "./soft_tlb.ts";
import { collectStats, type KernelStats } from "./stats.ts";
import { SwapSpace } from "./swap_space.ts";
import type { Vm, VmState } from "./vm.ts";
import { buildVm } from "./vm_builder.ts";
import { checkSpec, type VmSpec } from "./vm_spec.ts";
import { NET_TIMER, VmTimers } from "./vm_timers.ts";

export { ImageError, KernelBug, VmError } from "./errors.ts";
export { type Clock, DeterministicClock, HostClock } from "./clock.ts";
export { type CrashReport, reportText, type VmReport } from "./crash.ts";
export type { VmState, VmStats } from "./vm.ts";
export type { Mechanisms } from "./mechanisms.ts";
export type { Limits, Rate, Resources } from "./resources.ts";
export type { NetworkSpec } from "./vm_spec.ts";
export type { Image, KernelEvents, KernelOptions, KernelStats, Vm, VmSpec };

export class Kernel {
  readonly #vms = new Map<number, Vm>();
  readonly #images = new Set<Image>();
  readonly #events: KernelEvents;
  readonly #console: ConsoleSink<Vm>;
  readonly #clock: Clock;
  readonly #frames: FrameTable;
  readonly #engine: Engine;
  readonly #softTlb: SoftTlb;
  readonly #scheduler: Scheduler<Vm>;
  readonly #timers = new VmTimers();
  readonly #network: Network;
  readonly #disks: Disks;
  readonly #pager: Pager;
  readonly #swap: SwapSpace | null;
  readonly #dispatcher: Dispatcher;
  readonly #mechanisms: Mechanisms;
  #nextId = 1;
  /** What VMs that were destroyed had counted. */
  readonly #past = { instructions: 0, interrupts: 0, exceptions: 0, consoleBytes: 0 };

  constructor(options: KernelOptions) {
    this.#events = options.events;
    this.#console = {
      room: (vm) => this.#events.consoleRoom?.(vm) ?? Infinity,
      write: (vm, bytes) => this.#events.console(vm, bytes),
    };
    this.#clock = options.clock;
    this.#mechanisms = { ...DEFAULT_MECHANISMS, ...options.mechanisms };
    const pool = createPool(options.poolBytes, options.memory);
    this.#frames = new FrameTable(pool);
    const engine = createEngine(options.engine ?? {}, {
      pool,
      timestamp: (cpu) => this.#dispatcher.timestamp(cpu),
      now: () => options.clock.monotonic(),
      // Only if time is counted in instructions do they have to be counted out.
      exact: options.clock instanceof DeterministicClock,
    });
    this.#engine = engine;
    this.#frames.codeCache = engine;
    this.#softTlb = new SoftTlb(options.softTlbBytes);
    this.#scheduler = new Scheduler(options.quantum ?? DEFAULT_QUANTUM);
    this.#network = new Network({
      uplink: (frame, offload) => this.#events.uplink(frame, offload),
      raise: (vm, bits) => this.#dispatcher.raise(vm, bits),
      received: (vm) => this.#dispatcher.raiseReceive(vm),
      wait: (vm, until) => this.#timers.armSooner(vm, NET_TIMER, until),
      now: () => options.clock.monotonic(),
      trace: options.trace,
      nic: this.#mechanisms.nic,
      uplinkTakes: options.uplinkTakes,
    });
    this.#disks = new Disks({
      device: options.disks ?? null,
      raise: (vm, bits) => this.#dispatcher.raise(vm, bits),
    });
    this.#swap = options.swap ? new SwapSpace(options.swap.pages) : null;
    this.#pager = new Pager({
      frames: this.#frames,
      softTlb: this.#softTlb,
      device: options.swap?.open(pool.u8) ?? null,
      owner: {
        wake: (vm) => this.#dispatcher.pageReady(vm),
        pause: (vm, reason) => this.#pause(vm, reason),
        resume: (vm) => this.resume(vm),
        crash: (vm, reason) => this.#crash(vm, reason, null),
        now: () => options.clock.monotonic(),
      },
    });
    this.#dispatcher = new Dispatcher({
      clock: options.clock,
      engine,
      scheduler: this.#scheduler,
      timers: this.#timers,
      softTlb: this.#softTlb,
      network: this.#network,
      disks: this.#disks,
      pager: this.#pager,
      mechanisms: this.#mechanisms,
      lifecycle: {
        setState: (vm, state) => this.#setState(vm, state),
        stop: (vm, code) => this.#stop(vm, code),
        crash: (vm, reason, exception) => this.#crash(vm, reason, exception),
      },
    });
  }

  // Images.

  /** Loads an executable. Throws an ImageError that names the header field at fault. */
  loadImage(name: string, file: Uint8Array): Image {
    const image = new Image(name, file, this.#frames);
    this.#images.add(image);
    return image;
  }

  /** Gives back the image's frames. Throws a VmError while a VM uses it. */
  dropImage(image: Image): void {
    if (!this.#images.has(image)) return;
    if (image.users > 0) {
      throw new VmError("image", `${image.name} is used by ${image.users} VMs: stop them first`);
    }
    this.#images.delete(image);
    image.release();
  }

  // The life of a VM.

  /** Makes a VM in state "created". Throws a VmError that names the field at fault. */
  createVm(spec: VmSpec): Vm {
    const boot = checkSpec(spec);
    const limits = changeLimits(UNLIMITED, spec.resources ?? {});
    const id = spec.id ?? this.#nextId;
    checkFree(spec, id, {
      images: this.#images,
      vms: this.#vms,
      network: this.#network,
      disks: this.#disks,
    });
    checkSwap(spec.memory, this.#swap, this.#pager);
    const nic = spec.network ? this.#network.createNic() : null;
    this.#pager.poll();
    const vm = buildVm(this.#frames, spec, id, boot, nic, this.#swap !== null, this.#console);
    vm.space.region = this.#swap?.allocate(vm.space.pages) ?? null;
    this.#pager.add(vm);
    this.#nextId = Math.max(this.#nextId, id + 1);
    this.#vms.set(id, vm);
    this.#timers.add(vm);
    this.#network.attach(vm);
    this.#dispatcher.setLimits(vm, limits);
    spec.image.users++;
    return vm;
  }

  /** created -> running. */
  start(vm: Vm): void {
    this.#require(vm, ["created"], "start");
    vm.startedAt = this.#clock.monotonic();
    vm.cpu.i32[EIP] = vm.image.entry;
    vm.cpu.i32[ESP] = vm.memory;
    this.#scheduler.ready(vm);
    this.#setState(vm, "running");
  }

  /** running or idle -> paused. What comes for it waits in its devices; time goes on. */
  pause(vm: Vm): void {
    this.#require(vm, ["running", "idle"], "pause");
    this.#pause(vm, "");
  }

  /** paused -> where it was. */
  resume(vm: Vm): void {
    this.#require(vm, ["paused"], "resume");
    vm.pauseReason = "";
    this.#pager.forget(vm);
    this.#setState(vm, this.#dispatcher.reschedule(vm));
  }

  /** Ends a VM with an exit code, modulo 256; one that has ended already is left alone. */
  stop(vm: Vm, code = 0): void {
    this.#require(vm, ["created", "running", "idle", "paused", "stopped", "crashed"], "stop");
    if (!vm.ended) this.#stop(vm, code);
  }

  /** Asks the guest to end: raises INTERRUPT_SHUTDOWN. */
  shutdown(vm: Vm): void {
    this.#dispatcher.raise(vm, INTERRUPTS.INTERRUPT_SHUTDOWN.value);
  }

  /** Ends the VM if need be and forgets it. */
  destroy(vm: Vm): void {
    this.stop(vm);
    const { instructions, interrupts, exceptions, consoleBytes } = vm.stats;
    this.#past.instructions += instructions;
    this.#past.interrupts += interrupts;
    this.#past.exceptions += exceptions;
    this.#past.consoleBytes += consoleBytes;
    this.#vms.delete(vm.id);
    this.#timers.remove(vm);
  }

  /** Changes what the VM may use, from now on. Throws a VmError that names the field. */
  setResources(vm: Vm, change: Resources): void {
    const limits = changeLimits(vm.limits, change);
    if (!vm.ended) this.#dispatcher.setLimits(vm, limits);
  }

  /** Shows `taker` each frame of the VM's NIC from now on; null: no more. It must not call back. */
  capture(vm: Vm, taker: FrameCapture | null): void {
    if (!vm.ended) this.#network.capture(vm, taker);
  }

  vm(id: number): Vm | undefined {
    return this.#vms.get(id);
  }

  get vms(): ReadonlyMap<number, Vm> {
    return this.#vms;
  }

  // Devices, seen from outside.

  /** Input for the VM's keyboard; returns how many bytes there was room for. */
  keyboard(vm: Vm, bytes: Uint8Array): number {
    if (vm.ended) return 0;
    const accepted = vm.keyboard.push(bytes);
    if (accepted > 0) this.#dispatcher.raise(vm, INTERRUPTS.INTERRUPT_KEYBOARD.value);
    return accepted;
  }

  /** No more input will come. */
  closeKeyboard(vm: Vm): void {
    if (vm.ended || vm.keyboard.closed) return;
    vm.keyboard.close();
    this.#dispatcher.raise(vm, INTERRUPTS.INTERRUPT_KEYBOARD.value);
  }

  /** There is room again for what the VM writes to its console. */
  consoleReady(vm: Vm): void {
    this.#dispatcher.consoleReady(vm);
  }

  /** A frame from the uplink into the switch. */
  receive(frame: Uint8Array, offload = 0): void {
    this.#network.receive(frame, offload);
    this.#dispatcher.switchNow();
  }

  // Time.

  /**
   * Runs VMs in the scheduler's order for at most `budget` units of work (a whole number, or a
   * RangeError). Returns the work done; less than the budget means that no VM is runnable. With a
   * DeterministicClock it jumps over the time in which all are idle.
   */
  run(budget: number): number {
    return this.#dispatcher.run(budget);
  }

  /** True if `run` would run a VM now, timers that are due included. */
  get runnable(): boolean {
    return this.#dispatcher.runnable;
  }

  /** When there is next something to do, in microseconds of Clock.monotonic; Infinity: never. */
  nextDeadline(): number {
    return Math.min(this.#timers.next, this.#pager.deadline);
  }

  // Reports.

  /** The VM's state now, or at its end, as plain JSON. */
  report(vm: Vm): VmReport {
    if (vm.crash) return vm.crash;
    const reason = vm.state === "stopped" ? `ended with code ${vm.exitCode}` : vm.pauseReason;
    return makeReport(vm, vm.state, reason);
  }

  stats(): KernelStats {
    return collectStats({
      vms: this.#vms,
      images: this.#images,
      past: this.#past,
      frames: this.#frames,
      timers: this.#timers,
      softTlb: this.#softTlb,
      network: this.#network,
      disks: this.#disks,
      dispatcher: this.#dispatcher,
      engine: this.#engine,
      pager: this.#pager,
      swap: this.#swap,
    });
  }

  #require(vm: Vm, states: readonly VmState[], verb: string): void {
    requireState(this.#vms, vm, states, verb);
  }

  #setState(vm: Vm, state: VmState): void {
    vm.changeState(state);
    this.#events.state(vm);
  }

  #stop(vm: Vm, code: number): void {
    vm.exitCode = code & 0xff;
    this.#end(vm, "stopped");
  }

  #crash(vm: Vm, reason: string, exception: ExceptionReport | null): void {
    vm.crash = makeReport(vm, "crashed", reason, exception);
    this.#end(vm, "crashed");
  }

  #end(vm: Vm, state: "stopped" | "crashed"): void {
    this.#network.detach(vm);
    this.#disks.detach(vm);
    // After what could wake it or arm a timer: its frames will be another VM's.
    this.#dispatcher.unschedule(vm);
    this.#softTlb.detach(vm.space);
    vm.releaseMemory();
    this.#pager.remove(vm);
    vm.image.users--;
    this.#setState(vm, state);
  }

  #pause(vm: Vm, reason: string): void {
    vm.pausedFrom = vm.state === "idle" ? "idle" : "running";
    vm.pauseReason = reason;
    this.#dispatcher.unschedule(vm);
    this.#setState(vm, "paused");
  }
}
