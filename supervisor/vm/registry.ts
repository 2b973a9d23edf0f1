/** The VMs of a supervisor, by number and by name. Numbers are never given out twice. */

import { VM_NUMBER_MAXIMUM } from "../address_plan.ts";
import { RequestError } from "../request_error.ts";
import type { VmRecord } from "./record.ts";

export class VmRegistry {
  readonly #vms = new Map<number, VmRecord>();
  readonly #names = new Map<string, VmRecord>();
  /** VM numbers in use, modulo the capacity: no two VMs have the same address. */
  readonly #slots = new Set<number>();
  readonly #capacity: number;
  #lastId = 0;

  /** `capacity`: VMs that can have an address at the same time. */
  constructor(capacity = VM_NUMBER_MAXIMUM) {
    this.#capacity = capacity;
  }

  /** A number and a name for a new VM. Throws a RequestError if there is none, or the name is taken. */
  identify(wanted: string | undefined): { id: number; name: string } {
    if (this.#lastId >= VM_NUMBER_MAXIMUM) {
      throw new RequestError("id", "all VM numbers are used up", "a restarted supervisor", 503);
    }
    if (wanted !== undefined && this.#names.has(wanted)) {
      const taken = `${JSON.stringify(wanted)} is the name of another VM`;
      throw new RequestError("name", taken, "a name that is not in use", 409);
    }
    if (this.#slots.size >= this.#capacity) {
      const full = `all ${this.#capacity} addresses of the pool are in use`;
      throw new RequestError("id", full, "a larger pool, or fewer VMs", 503);
    }
    let id = this.#lastId + 1;
    while (this.#slots.has(id % this.#capacity)) id++;
    this.#lastId = id;
    return { id, name: wanted ?? this.#freeName(id) };
  }

  /** Numbers up to this one were given out before. */
  raise(id: number): void {
    this.#lastId = Math.max(this.#lastId, id);
  }

  add(vm: VmRecord): void {
    this.#vms.set(vm.id, vm);
    this.#slots.add(vm.id % this.#capacity);
    this.#names.set(vm.name, vm);
  }

  delete(vm: VmRecord): void {
    this.#vms.delete(vm.id);
    this.#slots.delete(vm.id % this.#capacity);
    this.#names.delete(vm.name);
  }

  get(id: number): VmRecord | undefined {
    return this.#vms.get(id);
  }

  named(name: string): VmRecord | undefined {
    return this.#names.get(name);
  }

  /** In the order of their creation; those added or deleted meanwhile do no harm. */
  [Symbol.iterator](): IterableIterator<VmRecord> {
    return this.#vms.values();
  }

  /** By number or name. Throws a RequestError if there is none. */
  find(vm: number | string): VmRecord {
    const id = typeof vm === "number" ? vm : /^\d+$/.test(vm) ? Number(vm) : undefined;
    const record = id === undefined ? this.#names.get(String(vm)) : this.#vms.get(id);
    if (record !== undefined) return record;
    const what = `no VM ${JSON.stringify(vm)}`;
    throw new RequestError("id", what, "the number or name of a VM", 404);
  }

  #freeName(id: number): string {
    for (let number = id;; number++) {
      if (!this.#names.has(`vm-${number}`)) return `vm-${number}`;
    }
  }
}
