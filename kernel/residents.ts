/**
 * The VMs that have pages of their own in memory, in the order in which they ran last: a list through
 * the VMs, so that every operation takes the same time however many there are.
 */

import type { Vm } from "./vm.ts";

/** What the list keeps in a VM; only the list writes these fields. */
export interface Resident<T> {
  older: T | null;
  newer: T | null;
  listed: boolean;
}

export class Residents<T extends Resident<T> = Vm> {
  #oldest: T | null = null;
  #newest: T | null = null;
  #size = 0;

  /** The VM that ran longest ago. */
  get oldest(): T | null {
    return this.#oldest;
  }

  get size(): number {
    return this.#size;
  }

  /** Makes a VM the newest. */
  renew(vm: T): void {
    if (vm === this.#newest) return;
    if (vm.listed) this.remove(vm);
    vm.older = this.#newest;
    vm.newer = null;
    vm.listed = true;
    if (this.#newest) this.#newest.newer = vm;
    else this.#oldest = vm;
    this.#newest = vm;
    this.#size++;
  }

  /** Takes a VM out, if it is in. */
  remove(vm: T): void {
    if (!vm.listed) return;
    const { older, newer } = vm;
    if (older) older.newer = newer;
    else this.#oldest = newer;
    if (newer) newer.older = older;
    else this.#newest = older;
    vm.older = null;
    vm.newer = null;
    vm.listed = false;
    this.#size--;
  }
}
