/**
 * Console output of a cell's VMs on its way to the supervisor: a window per VM, and a share of the
 * outbox for all of them together.
 *
 * A VM whose window is used up waits until the supervisor says that it consumed some of it; one that
 * finds the share used up waits until the outbox is read. Neither keeps other VMs from running, nor
 * answers and notices from being sent. What is kept per VM is one number while output is under way.
 */

import type { RingWriter } from "../../devices/ring.ts";
import type { CellKernel, CellVm } from "./kernel.ts";
import { CONSOLE_RECORD_COST, CONSOLE_WINDOW, consoleCost } from "./protocol.ts";

export class CellConsoles {
  readonly #outbox: RingWriter;
  readonly #share: number;
  /** Cost of what the supervisor has not consumed, by number of the VM: also of one destroyed since. */
  readonly #underWay = new Map<number, number>();
  /** VMs that wait for the outbox. */
  readonly #waiting = new Set<CellVm>();

  constructor(outbox: RingWriter) {
    this.#outbox = outbox;
    this.#share = outbox.payloadMaximum;
  }

  /** Bytes that the window of a VM has room for, in one record. */
  window(vm: CellVm): number {
    const left = CONSOLE_WINDOW - (this.#underWay.get(vm.id) ?? 0);
    return Math.max(0, left - CONSOLE_RECORD_COST);
  }

  /** Bytes that a VM may write now. */
  room(vm: CellVm): number {
    if (this.#outbox.used < this.#share) return this.window(vm);
    this.#waiting.add(vm);
    return 0;
  }

  /** A record of a VM's output was sent. */
  sent(vm: CellVm, bytes: number): void {
    this.#underWay.set(vm.id, (this.#underWay.get(vm.id) ?? 0) + consoleCost(bytes));
  }

  /** The supervisor consumed output of a VM. */
  consumed(id: number, cost: number, kernel: CellKernel): void {
    const left = (this.#underWay.get(id) ?? 0) - cost;
    if (left > 0) this.#underWay.set(id, left);
    else this.#underWay.delete(id);
    const vm = kernel.vms.get(id);
    if (vm !== undefined) kernel.consoleReady(vm);
  }

  /** VMs wait for the outbox to be read. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Lets VMs that waited for the outbox go on if there is room. */
  resume(kernel: CellKernel): void {
    if (this.#outbox.used >= this.#share) return;
    for (const vm of this.#waiting) kernel.consoleReady(vm);
    this.#waiting.clear();
  }
}
