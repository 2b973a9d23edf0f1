/**
 * A kernel for tests of the threads around it: no processor, VMs that do one trick each, chosen by
 * the first boot argument.
 *
 *     echo    writes what is typed to the console; ends with code 0 at the end of input
 *     exit N  ends with code N
 *     print N writes N bytes to the console, then ends
 *     crash   crashes
 *     bug     the kernel itself throws
 *     stall   the kernel itself never comes back (until its cell is told to stop)
 *     relay   sends every frame it gets back to the uplink
 *     idle    does nothing
 */

import type { Image } from "../../kernel/image.ts";
import { ImageError, VmError } from "../../kernel/errors.ts";
import type { VmSpec } from "../../kernel/vm_spec.ts";
import type { CellKernel, CellKernelEvents, CellVm } from "../cell/kernel.ts";

/** What the keyboard of an `echo` VM holds, bytes. */
const KEYBOARD_BYTES = 1000;

interface StubVm {
  id: number;
  state: string;
  exitCode: number | null;
  crash: { reason: string } | null;
  pauseReason: string;
  stats: { instructions: number };
  args: readonly string[];
  input: number[];
  /** Bytes a "print" has written, and whether it waits for its console. */
  printed: number;
  blocked: boolean;
  closed: boolean;
}

export class StubKernel implements CellKernel {
  readonly vms = new Map<number, StubVm>();
  readonly #events: CellKernelEvents;
  readonly #stall: () => void;

  /** `stall` is what the trick of that name does. */
  constructor(events: CellKernelEvents, stall: () => void) {
    this.#events = events;
    this.#stall = stall;
  }

  get runnable(): boolean {
    return [...this.vms.values()].some((vm) => vm.state === "running" && !vm.blocked);
  }

  loadImage(name: string, file: Uint8Array): Image {
    if (file.length < 4) throw new ImageError("e_ident", `expected 4 bytes, got ${file.length}`);
    return { name, entry: 0, end: file.length } as unknown as Image;
  }

  dropImage(): void {}

  createVm(spec: VmSpec): CellVm {
    if (spec.memory < 1 << 20) throw new VmError("memory", `expected 1 MiB, got ${spec.memory}`);
    const vm: StubVm = {
      id: spec.id ?? this.vms.size + 1,
      state: "created",
      exitCode: null,
      crash: null,
      pauseReason: "",
      stats: { instructions: 0 },
      args: spec.args ?? [],
      input: [],
      printed: 0,
      blocked: false,
      closed: false,
    };
    this.vms.set(vm.id, vm);
    this.#events.state(vm);
    return vm;
  }

  start(vm: CellVm): void {
    this.#set(vm, "running");
  }

  stop(vm: CellVm, code = 0): void {
    (vm as StubVm).exitCode = code;
    this.#set(vm, "stopped");
  }

  shutdown(vm: CellVm): void {
    this.stop(vm, 0);
  }

  pause(vm: CellVm): void {
    this.#set(vm, "paused");
  }

  resume(vm: CellVm): void {
    this.#set(vm, "running");
  }

  destroy(vm: CellVm): void {
    this.vms.delete(vm.id);
  }

  setResources(): void {}

  capture(): void {}

  keyboard(vm: CellVm, bytes: Uint8Array): number {
    const stub = vm as StubVm;
    const taken = Math.min(bytes.length, KEYBOARD_BYTES - stub.input.length);
    for (let i = 0; i < taken; i++) stub.input.push(bytes[i]);
    if (stub.state === "idle") this.#set(stub, "running");
    return taken;
  }

  closeKeyboard(vm: CellVm): void {
    (vm as StubVm).closed = true;
    if (vm.state === "idle") this.#set(vm, "running");
  }

  consoleReady(vm: CellVm): void {
    (vm as StubVm).blocked = false;
  }

  receive(frame: Uint8Array): void {
    for (const vm of this.vms.values()) {
      if (vm.args[0] === "relay") this.#events.uplink(frame, 0);
    }
  }

  run(): number {
    for (const vm of this.vms.values()) {
      if (vm.state !== "running" || vm.blocked) continue;
      vm.stats.instructions++;
      this.#trick(vm);
    }
    return 0;
  }

  nextDeadline(): number {
    return Infinity;
  }

  stats(): unknown {
    return { vms: this.vms.size };
  }

  report(vm: CellVm): unknown {
    return { reason: vm.crash?.reason ?? vm.state, code: vm.exitCode };
  }

  #set(vm: CellVm, state: string): void {
    (vm as StubVm).state = state;
    this.#events.state(vm);
  }

  #print(vm: StubVm, end: number): void {
    const room = this.#events.consoleRoom?.(vm) ?? Infinity;
    const length = Math.min(room, end - vm.printed, 16_384);
    const bytes = Uint8Array.from({ length }, (_, i) => (vm.printed + i) % 251);
    vm.printed += length;
    vm.blocked = length === 0;
    if (length > 0) this.#events.console(vm, bytes);
    if (vm.printed === end) this.stop(vm, 0);
  }

  #trick(vm: StubVm): void {
    const [name, number] = vm.args;
    switch (name) {
      case "exit":
        return this.stop(vm, Number(number));
      case "print":
        return this.#print(vm, Number(number));
      case "crash":
        vm.crash = { reason: "page fault at 0x00000000" };
        return this.#set(vm, "crashed");
      case "bug":
        throw new Error("injected kernel bug");
      case "stall":
        return this.#stall();
      case "echo":
        if (vm.input.length > 0) this.#events.console(vm, Uint8Array.from(vm.input.splice(0)));
        else if (vm.closed) return this.stop(vm, 0);
        return this.#set(vm, "idle");
      default:
        return this.#set(vm, "idle");
    }
  }
}
