/** A transfer between memory and swap on behalf of one VM: what the device is told, and whose pages it moves. */

import type { SwapTransfer } from "./swap_device.ts";
import type { Vm } from "./vm.ts";

export interface VmTransfer extends SwapTransfer {
  readonly vm: Vm;
  readonly pages: readonly number[];
  /** Adds a page; `slot` counts in the VM's region, and in ascending order. */
  add(page: number, slot: number, frame: number): void;
  /** The slot of a page in the VM's region. */
  slot(index: number): number;
}

export function vmTransfer(vm: Vm, write: boolean): VmTransfer {
  const { base } = vm.space.region!;
  const pages: number[] = [], slots: number[] = [], frames: number[] = [];
  return {
    vm,
    write,
    pages,
    slots,
    frames,
    add(page, slot, frame) {
      pages.push(page);
      slots.push(base + slot);
      frames.push(frame);
    },
    slot: (index) => slots[index] - base,
  };
}
