/**
 * The transfers between memory and swap that are under way, and what becomes of pages and VMs when they
 * end.
 *
 * - A page that was read is clean: swap has a valid copy until it is written to.
 * - A page that was written leaves memory if nobody has used it since; if it was only read, it stays and is
 *   clean; if it was written to, the slot is given back.
 * - A transfer that fails ends the one VM it was for. A disk that is full costs nothing but the hope for
 *   more frames: the pages stay, and writing is tried again after RETRY_US.
 * - The VM may have ended meanwhile: then the frames of a read are free, and its slots when the last of
 *   its transfers has ended.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import { LAYOUT } from "./abi.ts";
import type { FrameTable } from "./frames.ts";
import { UNDER_WAY } from "./memory.ts";
import { ABSENT } from "./page_map.ts";
import { SWAP_DONE, SWAP_FULL, type SwapDevice } from "./swap_device.ts";
import type { Vm } from "./vm.ts";
import { type VmTransfer, vmTransfer } from "./vm_transfer.ts";

/** How long after a write to a full disk the next one is tried. */
export const RETRY_US = 1_000_000;
const REGISTERS_PAGE = LAYOUT.REGISTERS_BASE.value / PAGE_SIZE;

/** Sums over all VMs since the kernel was made. */
export interface TrafficCounters {
  pageIns: number;
  pageOuts: number;
  /** Transfers, and those that failed, a full disk included. */
  reads: number;
  writes: number;
  errors: number;
}

export interface SwapTrafficParts {
  readonly frames: FrameTable;
  readonly device: SwapDevice;
  now(): number;
  /** A transfer has ended: what could not be had before may be there now. */
  changed(): void;
  /** Pages of a VM came in. */
  arrived(vm: Vm): void;
  /** A page was written and has left its VM: its frame is to be freed. */
  departed(vm: Vm, page: number, frame: number): void;
  crash(vm: Vm, reason: string): void;
}

export class SwapTraffic {
  readonly counters: TrafficCounters = { pageIns: 0, pageOuts: 0, reads: 0, writes: 0, errors: 0 };
  /** Transfers that have not ended. */
  underWay = 0;
  /** Frames that writes under way will free. */
  leaving = 0;
  /** When the next write to a full disk may be tried; 0: it is not full. */
  retryAt = 0;

  constructor(readonly parts: SwapTrafficParts) {}

  /** Another transfer can begin. */
  get ready(): boolean {
    return this.parts.device.ready;
  }

  /** Some transfer has ended. */
  get news(): boolean {
    return this.parts.device.news;
  }

  /** Hears of transfers that have ended. */
  poll(): void {
    const { device, now, changed } = this.parts;
    if (device.news) device.poll((transfer, status) => this.#end(transfer as VmTransfer, status));
    if (this.retryAt === 0 || now() < this.retryAt) return;
    this.retryAt = 0;
    changed();
  }

  /** Reads a page of a VM and as many of its neighbours in swap as it may have frames, at least one. */
  read(vm: Vm, page: number, allowance: number): void {
    const { frames, device } = this.parts;
    const { map, region } = vm.space;
    const wanted = map.slot(map.find(page));
    const first = wanted - wanted % device.clusterPages, end = first + device.clusterPages;
    const transfer = vmTransfer(vm, false);
    let left = Math.min(allowance, device.clusterPages);
    for (let slot = first; slot < end && left > 0; slot++) {
      // The last frame is for the page itself.
      if (slot < wanted && left === 1) continue;
      const neighbour = region!.page(slot);
      if (neighbour === 0) continue;
      const place = map.find(neighbour);
      if (place < 0 || map.slot(place) !== slot || map.frame(place) !== ABSENT) continue;
      transfer.add(neighbour, slot, frames.allocate());
      left--;
    }
    vm.reading = true;
    this.begin(transfer);
  }

  begin(transfer: VmTransfer): void {
    const { vm, write, pages } = transfer;
    vm.space.transfers++;
    this.underWay++;
    if (write) {
      this.counters.writes++;
      this.leaving += pages.length;
      if (pages.includes(REGISTERS_PAGE)) vm.registersSaved = true;
    } else {
      this.counters.reads++;
    }
    this.parts.device.begin(transfer);
  }

  #end(transfer: VmTransfer, status: number): void {
    const { vm, write, pages, frames } = transfer;
    this.underWay--;
    this.parts.changed();
    if (status !== SWAP_DONE) this.counters.errors++;
    if (write) this.leaving -= pages.length;
    else vm.reading = false;
    if (--vm.space.transfers === 0 && vm.space.released) vm.space.releaseRegion();
    if (!vm.space.released) {
      if (write) this.#endWrite(transfer, status);
      else this.#endRead(transfer, status);
    } else if (!write) {
      for (const frame of frames) this.parts.frames.release(frame);
    }
  }

  #endWrite(transfer: VmTransfer, status: number): void {
    const { vm, pages, frames } = transfer;
    const { map, region } = vm.space;
    pages.forEach((page, index) => {
      const place = map.find(page), slot = transfer.slot(index);
      if (place < 0 || map.slot(place) !== (slot | UNDER_WAY)) {
        region!.free(slot);
      } else if (status !== SWAP_DONE) {
        region!.free(slot);
        map.setSlot(place, ABSENT);
      } else {
        map.setSlot(place, slot);
        vm.pageOuts++;
        this.counters.pageOuts++;
        if (vm.space.isMapped(page) || (page === REGISTERS_PAGE && vm.active)) return;
        map.setFrame(place, ABSENT);
        this.parts.departed(vm, page, frames[index]);
      }
    });
    if (status === SWAP_FULL) this.retryAt = this.parts.now() + RETRY_US;
    else if (status !== SWAP_DONE) this.#fail(transfer);
  }

  #endRead(transfer: VmTransfer, status: number): void {
    const { vm, pages, frames } = transfer;
    const { space } = vm;
    if (status !== SWAP_DONE) {
      for (const frame of frames) this.parts.frames.release(frame);
      return this.#fail(transfer);
    }
    pages.forEach((page, index) => {
      space.map.setFrame(space.map.find(page), frames[index]);
      if (page !== REGISTERS_PAGE) return;
      vm.registers.frame = frames[index];
      vm.registersSaved = true;
    });
    space.resident += pages.length;
    vm.pageIns += pages.length;
    this.counters.pageIns += pages.length;
    this.parts.arrived(vm);
  }

  #fail({ vm, write, pages, error }: VmTransfer): void {
    const what = `${write ? "writing" : "reading"} ${pages.length} pages from 0x`;
    const where = (Math.min(...pages) * PAGE_SIZE).toString(16);
    this.parts.crash(vm, `swap failed: ${what}${where} on: ${error ?? "no reason given"}`);
  }
}
