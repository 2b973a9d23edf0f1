/**
 * How VMs live: made, started, stopped, started again, changed, forgotten. What an operator asks is on
 * stable storage when these resolve.
 *
 * A start and the end of a VM are one after the other (`inTurn`); a stop is not, so that one with a long
 * grace can be followed by another without.
 */

import type { Cell } from "../cell/cell.ts";
import { asRequestError } from "../cell/error.ts";
import type { CellPoolListener } from "../cell/pool.ts";
import { COMMAND, type StateNotice } from "../cell/protocol.ts";
import { requireDisks } from "../disk/disks.ts";
import { readEgress, requireEgress } from "../egress/request.ts";
import { formatAddress } from "../gateway/ipv4.ts";
import type { StoredImage } from "../image/store.ts";
import type { Parts } from "../parts.ts";
import { RequestError } from "../request_error.ts";
import type { StateStore } from "../state/store.ts";
import { forgetVm, keepChange, keepState, keepVm } from "./kept.ts";
import type { Machines } from "./machines.ts";
import { openPorts } from "./ports.ts";
import {
  applyNotice,
  type ConsoleSink,
  createRecord,
  hasEnded,
  inTurn,
  type VmRecord,
  waitFor,
} from "./record.ts";
import type { VmRegistry } from "./registry.ts";
import type { VmChange, VmRequest } from "./request.ts";
import { changeLimits } from "./resources.ts";
import { Restarts } from "./restarts.ts";

/** A VM that was told to end is given up after so long; its cell has its own patience. */
const STOP_MS = 30_000;

export class VmLives {
  readonly machines: Machines;
  readonly restarts = new Restarts((vm) => this.startAgain(vm));
  readonly #parts: Parts;
  readonly #vms: VmRegistry;
  #closed = false;

  /** `open` makes the machines, which tell the listener what becomes of VMs. */
  constructor(parts: Parts, vms: VmRegistry, open: (listener: CellPoolListener) => Machines) {
    this.#parts = parts;
    this.#vms = vms;
    const { network } = parts;
    if (network) network.lent = (id, address) => this.#lent(id, address);
    this.machines = open({
      console: (cell, id, bytes) => this.#console(this.#ofCell(cell, id), bytes),
      state: (cell, id, notice) => this.#state(this.#ofCell(cell, id), notice),
      capture: (cell, id, record, length) =>
        this.#ofCell(cell, id)?.captures.append(record, length),
      died: (cell, index, reason) => this.#cellDied(cell, index, reason),
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Nothing is started any more, and no end is kept: what runs comes back with the next server. */
  close(): void {
    this.#closed = true;
    this.restarts.close();
  }

  /** Makes a VM and, if it is to, starts it. Throws a RequestError, and leaves nothing behind then. */
  async create(request: VmRequest, image: StoredImage, sink?: ConsoleSink): Promise<VmRecord> {
    if (this.#closed) throw new RequestError("server", "it is stopping", "a running server", 503);
    const { disks, network, images, events, state } = this.#parts;
    requireDisks(request, disks);
    requireEgress(request.egress, network);
    const { id, name } = this.#vms.identify(request.name);
    const vm = createRecord(id, name, request, image, this.addressOf(id), sink);
    // From here on the name is taken: two requests at the same time must not both get it.
    this.#vms.add(vm);
    let held = false;
    try {
      await inTurn(vm, async () => {
        disks?.attach(vm);
        this.setEgress(vm);
        held = true;
        await images.hold(image);
        await this.machines.place(vm);
        await openPorts(vm, network, request.publish);
        events.add("vm.created", id, name);
        const started = request.start && this.machines.ask(vm, COMMAND.VM_START);
        await Promise.all([
          this.keep(...keepVm(vm, request.start ? "running" : "created")),
          started,
        ]);
      });
    } catch (error) {
      vm.wanted = false;
      await this.machines.clear(vm);
      this.forget(vm);
      state.note(...forgetVm(vm));
      if (held) await images.release(image);
      throw asRequestError(error);
    }
    return vm;
  }

  /** Starts a VM that was created, or starts one that has ended afresh. */
  async start(vm: VmRecord): Promise<void> {
    await inTurn(vm, async () => {
      this.#vms.find(vm.id);
      if (vm.cell?.alive && !hasEnded(vm) && vm.state !== "created") {
        this.#wrongState(vm, "created, stopped or crashed");
      }
      vm.wanted = true;
      vm.restarts = 0;
      this.restarts.cancel(vm);
      await this.#start(vm);
    });
  }

  /** Ends a VM; with `graceMs`, asks the guest first and gives it that long. */
  async stop(vm: VmRecord, graceMs = 0): Promise<void> {
    vm.wanted = false;
    this.restarts.cancel(vm);
    if (graceMs > 0 && vm.state === "running") {
      await this.machines.ask(vm, COMMAND.VM_SHUTDOWN);
      await waitFor(vm, hasEnded, AbortSignal.timeout(graceMs)).catch(() => {});
    }
    if (!hasEnded(vm)) {
      if (vm.cell === undefined) applyNotice(vm, { state: "stopped" });
      else await this.machines.ask(vm, COMMAND.VM_STOP, {});
      await waitFor(vm, hasEnded, AbortSignal.timeout(STOP_MS)).catch(() => {
        const got = `VM ${vm.name} is ${vm.state} after ${STOP_MS / 1000} s`;
        throw new RequestError("state", got, "a cell that answers: try again", 503);
      });
    }
    await this.keep(keepState(vm));
  }

  async pause(vm: VmRecord): Promise<void> {
    if (vm.state !== "running") this.#wrongState(vm, "running");
    await this.machines.ask(vm, COMMAND.VM_PAUSE);
  }

  async resume(vm: VmRecord): Promise<void> {
    if (vm.state !== "paused") this.#wrongState(vm, "paused");
    await this.machines.ask(vm, COMMAND.VM_RESUME);
  }

  /** Changes what of a VM can be changed while it runs. */
  async update(vm: VmRecord, change: VmChange): Promise<void> {
    const { labels, restart, egress, disks, ...resources } = change;
    if (egress !== undefined) requireEgress(egress, this.#parts.network);
    if (disks !== undefined) await inTurn(vm, () => this.#exchangeDisks(vm, disks));
    if (vm.cell?.alive) await this.machines.ask(vm, COMMAND.VM_LIMIT, resources);
    vm.limits = changeLimits(vm.limits, resources);
    vm.labels = labels ?? vm.labels;
    vm.restart = restart ?? vm.restart;
    if (egress !== undefined) vm.request = { ...vm.request, egress };
    this.setEgress(vm);
    await this.keep(...keepChange(vm));
  }

  /** Ends a VM and forgets it: its name, its console, its ports. */
  async remove(vm: VmRecord): Promise<void> {
    vm.wanted = false;
    this.restarts.cancel(vm);
    await inTurn(vm, async () => {
      this.#vms.find(vm.id);
      await this.keep(...forgetVm(vm));
      await this.machines.clear(vm);
      this.forget(vm);
      await this.#parts.images.release(vm.image);
    });
    this.#parts.events.add("vm.removed", vm.id, vm.name);
  }

  /** Starts a VM that has ended afresh, unless an operator has stopped it since. */
  async startAgain(vm: VmRecord): Promise<void> {
    await inTurn(vm, async () => {
      if (this.#closed || this.#vms.get(vm.id) !== vm || !vm.wanted || !hasEnded(vm)) return;
      try {
        await this.#start(vm);
      } catch (error) {
        this.#parts.events.add("vm.not-started", vm.id, (error as Error).message);
        throw error;
      }
    });
  }

  /** Resolves when these are on stable storage. Throws a RequestError if they are not kept. */
  async keep(...writes: Parameters<StateStore["write"]>): Promise<void> {
    await this.#parts.state.write(...writes);
  }

  addressOf(id: number): number {
    return this.#parts.network?.vmNetwork(id).address ?? 0;
  }

  /** Lets the VM's own rules for the world hold. */
  setEgress({ id, request }: VmRecord): void {
    this.#parts.network?.setEgress(
      id,
      request.egress === null ? undefined : readEgress(request.egress),
    );
  }

  /** Takes a VM that is in no cell any more out of everything. */
  forget(vm: VmRecord): void {
    this.#parts.network?.setEgress(vm.id, undefined);
    for (const port of vm.published.splice(0)) port.close();
    vm.console.live = false;
    vm.captures.close();
    this.#parts.disks?.detach(vm);
    this.#vms.delete(vm);
    if (!hasEnded(vm)) applyNotice(vm, { state: "stopped" });
  }

  /** In the VM's turn. */
  async #start(vm: VmRecord): Promise<void> {
    const fresh = vm.state === "created" && vm.cell?.alive;
    if (!fresh) await this.machines.place(vm);
    // Somebody may have stopped it meanwhile.
    if (!vm.wanted) return;
    if (vm.captures.snap > 0) await this.machines.capture(vm);
    await Promise.all([
      this.machines.ask(vm, COMMAND.VM_START),
      this.keep(keepState(vm, "running")),
    ]);
  }

  async #exchangeDisks(vm: VmRecord, disks: VmRequest["disks"]): Promise<void> {
    if (!hasEnded(vm)) this.#wrongState(vm, "stopped, while its disks are exchanged");
    requireDisks({ disks }, this.#parts.disks);
    await this.#parts.disks?.closeFor(vm);
    this.#parts.disks?.exchange(vm, disks);
  }

  /** A DHCP server has lent an address to a VM. */
  #lent(id: number, address: number): void {
    const vm = this.#vms.get(id);
    if (vm === undefined || vm.address === address) return;
    vm.address = address;
    this.#parts.events.add("vm.address", id, `it was lent ${formatAddress(address)}`);
  }

  #wrongState(vm: VmRecord, expected: string): never {
    throw new RequestError("state", `VM ${vm.name} is ${vm.state}`, expected, 409);
  }

  /** A VM, if it is in that cell: a cell is not believed what it says of others. */
  #ofCell(cell: Cell, id: number): VmRecord | undefined {
    const vm = this.#vms.get(id);
    return vm?.cell === cell ? vm : undefined;
  }

  /** What a sink throws is its owner's mistake: neither the VM nor its cell ends for it. */
  #console(vm: VmRecord | undefined, bytes: Uint8Array<ArrayBuffer>): void | Promise<void> {
    vm?.console.append(bytes);
    if (vm?.sink === undefined) return;
    const failed = (error: unknown) => {
      if (vm.sink === undefined) return;
      vm.sink = undefined;
      const why = `its console is taken no more: ${error instanceof Error ? error.stack : error}`;
      this.#parts.events.add("vm.console-failed", vm.id, why);
    };
    try {
      return vm.sink(bytes)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #state(vm: VmRecord | undefined, notice: StateNotice): void {
    if (vm === undefined) return;
    applyNotice(vm, notice);
    vm.console.live = !hasEnded(vm);
    this.#parts.events.add(`vm.${notice.state}`, vm.id, notice.reason);
    if (this.#closed) return;
    if (notice.state !== "created") this.#parts.state.note(keepState(vm));
    if (!hasEnded(vm)) return;
    this.#parts.network?.ended(vm.id);
    this.#parts.disks?.closeFor(vm);
    this.restarts.ended(vm);
  }

  #cellDied(cell: Cell, index: number, reason: string): void {
    this.#parts.events.add("cell.died", undefined, `cell ${index}: ${reason}`);
    for (const vm of this.#vms) {
      if (vm.cell !== cell || hasEnded(vm)) continue;
      const why = `its cell ${index} died: ${reason}`;
      this.#state(vm, { state: "crashed", reason: why.split("\n")[0], crash: why });
    }
  }
}
