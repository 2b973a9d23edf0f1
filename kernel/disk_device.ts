/**
 * Whoever owns the files of disks: reads, writes and flushes them while VMs run. The kernel does not trust
 * it with time: a transfer is begun and its end is heard of at some later `poll`, in any order.
 *
 * The bytes go through a staging area. To write, the kernel reserves a place, fills it and begins; what
 * was read is in the place while `ended` is called, and afterwards the place is free.
 */

import type { DiskRequest } from "../devices/disk.ts";
import type { Vm } from "./vm.ts";

export type DiskTransfer = DiskRequest<Vm>;

export interface DiskDevice {
  readonly staging: Uint8Array;
  /** A place for so many blocks (0: for none), as offset in `staging`; -1: there is none now. */
  reserve(blocks: number): number;
  /** Gives back a place that is not needed after all. */
  cancel(place: number, blocks: number): void;
  begin(place: number, transfer: DiskTransfer): void;
  /** Some transfer has ended of which `poll` has not told. Cheap. */
  readonly news: boolean;
  /** Tells of every transfer that has ended since. `status` is one of DISK_DONE ... DISK_ABSENT. */
  poll(ended: (transfer: DiskTransfer, place: number, status: number) => void): void;
}
