/**
 * The VMs that waited for memory and have not had a whole turn since. Their pages stay, so that a VM which
 * was let in gets something done before others drive it out again: else, when many VMs that compute need
 * more memory than there is, all of them only move pages.
 *
 * If everybody in memory is sheltered and none can go on, the one that came last loses its shelter.
 */

import type { Vm } from "./vm.ts";

/** How far the search for one that waits goes back. */
const SEARCH_MAXIMUM = 64;

export class Shelter {
  /** In the order in which they came; who has left is still in it for a while. */
  #vms: Vm[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  enter(vm: Vm): void {
    if (vm.sheltered) return;
    vm.sheltered = true;
    this.#size++;
    if (this.#vms.length > 2 * this.#size + SEARCH_MAXIMUM) {
      this.#vms = this.#vms.filter((each) => each.sheltered);
    }
    this.#vms.push(vm);
  }

  leave(vm: Vm): void {
    if (!vm.sheltered) return;
    vm.sheltered = false;
    this.#size--;
  }

  /** Of those that wait for memory the one that came last, rather another than `first`; or null. */
  last(first: Vm | null): Vm | null {
    while (this.#vms.length > 0 && !this.#vms[this.#vms.length - 1].sheltered) this.#vms.pop();
    const end = Math.max(0, this.#vms.length - SEARCH_MAXIMUM);
    for (let index = this.#vms.length - 1; index >= end; index--) {
      const vm = this.#vms[index];
      if (vm.sheltered && vm.pageWaits && vm !== first) return vm;
    }
    return first?.sheltered ? first : null;
  }
}
