/**
 * What has to hold, of all that a kernel has already, for a VM to be made or to be told something. Each
 * check throws a VmError that names the field at fault and what to do, and changes nothing.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import type { Disks } from "./disks.ts";
import { VmError } from "./errors.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import type { Pager } from "./pager.ts";
import type { SwapSpace } from "./swap_space.ts";
import type { Vm, VmState } from "./vm.ts";
import { VM_ID_MAXIMUM, type VmSpec } from "./vm_spec.ts";

interface Present {
  readonly images: ReadonlySet<Image>;
  readonly vms: ReadonlyMap<number, Vm>;
  readonly network: Network;
  readonly disks: Disks;
}

/** The image is there, disks are if it wants any, and number and address are nobody else's. */
export function checkFree(
  spec: VmSpec,
  id: number,
  { images, vms, network, disks }: Present,
): void {
  if (!images.has(spec.image)) {
    const { name } = spec.image;
    throw new VmError("image", `expected an image of this kernel, ${name} is not loaded`);
  }
  if ((spec.disks ?? []).length > 0 && !disks.present) {
    throw new VmError("disks", "expected none: this kernel was made without disks");
  }
  if (vms.has(id)) {
    throw new VmError("id", `expected a number of its own, VM ${id} exists: destroy it first`);
  }
  if (id > VM_ID_MAXIMUM) throw new VmError("id", `expected at most ${VM_ID_MAXIMUM}, got ${id}`);
  if (spec.network && network.switch.hasAddress(spec.network.address)) {
    throw new VmError("network.address", "expected an address of its own, got one of another VM");
  }
}

/** All of a VM's memory, in bytes, has room in swap and on the disk; null: there is no swap. */
export function checkSwap(memory: number, swap: SwapSpace | null, pager: Pager): void {
  if (swap === null) return;
  if (pager.diskFull) {
    throw new VmError("swap", "expected room on the disk, it is full: make room, or destroy VMs");
  }
  const most = swap.largest * PAGE_SIZE;
  if (memory <= most) return;
  throw new VmError(
    "swap",
    `expected at most ${most} bytes of memory, as much as swap has in one piece, got ${memory}: ` +
      "destroy VMs or allow more swap",
  );
}

/** The VM was not destroyed and is in one of `states`, so that one can `verb` it. */
export function requireState(
  vms: ReadonlyMap<number, Vm>,
  vm: Vm,
  states: readonly VmState[],
  verb: string,
): void {
  if (vms.get(vm.id) !== vm) {
    throw new VmError("id", `cannot ${verb} VM ${vm.id}: it was destroyed, or is another kernel's`);
  }
  if (states.includes(vm.state)) return;
  throw new VmError(
    "state",
    `cannot ${verb} VM ${vm.id}: expected it ${states.join(" or ")}, it is ${vm.state}`,
  );
}
