/**
 * Takes frames away from VMs: which VM, which of its pages, and how.
 *
 * The VM that has been idle longest comes first, and goes whole. If all VMs run, the hand of a clock goes
 * over their pages, those of the VM that ran longest ago first: a page in a table of the engine was used
 * since the hand was last there, is taken out of the table, and gets a second chance; any other goes
 * (Corbato, "A paging experiment with the Multics system", 1968).
 *
 * A page that swap has a valid copy of, and one that is all zero, goes without being written. The others
 * of one VM are gathered into clusters, and their frames become free when the write has ended, if nobody
 * used the page in between. So an error of the device costs no byte that is in memory.
 *
 * What one call does is bounded (SCAN_MAXIMUM), however many VMs and pages there are.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import { type FrameTable, ZERO_FRAME } from "./frames.ts";
import { LAYOUT } from "./abi.ts";
import { UNDER_WAY } from "./memory.ts";
import { ABSENT } from "./page_map.ts";
import type { Residents } from "./residents.ts";
import type { SwapDevice } from "./swap_device.ts";
import { type VmTransfer, vmTransfer } from "./vm_transfer.ts";
import type { Vm } from "./vm.ts";

/** Places of page maps that one call looks at. */
const SCAN_MAXIMUM = 1024;
/** Who has run within so many microseconds does not make way for a VM with many pages. */
const RECENT_US = 1_000_000;
const REGISTERS_PAGE = LAYOUT.REGISTERS_BASE.value / PAGE_SIZE;

export interface EvictorParts {
  readonly frames: FrameTable;
  readonly residents: Residents;
  readonly device: SwapDevice;
  now(): number;
  /** Pages can be written now. */
  writable(): boolean;
  begin(transfer: VmTransfer): void;
}

export class Evictor {
  /** Pages that went without being written. */
  dropped = 0;
  /** A VM that keeps the pages which it uses, until it got through the instruction that it is at. */
  favoured: Vm | null = null;
  /** VMs looked at in a row that gave nothing, and times that the payer did not. */
  #fruitless = 0;
  #unpaid = 0;
  #payer: Vm | null = null;
  #scanned = 0;
  /** The VM whose pages were not all looked at, and how many places are left. */
  #unfinished: Vm | null = null;
  #left = 0;
  #batch: VmTransfer | null = null;

  constructor(readonly parts: EvictorParts) {}

  /** Every VM, or the payer, was looked at twice, and nothing could be had. */
  exhausted(paying: boolean): boolean {
    return paying ? this.#unpaid > 2 : this.#fruitless > 2 * this.parts.residents.size + 1;
  }

  /** Something has changed: there may be something to be had again. */
  reset(): void {
    this.#fruitless = 0;
    this.#unpaid = 0;
  }

  /** The VM has ended. */
  forget(vm: Vm): void {
    if (this.favoured === vm) this.favoured = null;
    if (this.#payer === vm) this.#payer = null;
    if (this.#unfinished === vm) this.#unfinished = null;
    this.reset();
  }

  /** Tries to free `wanted` frames, at once or by writing. For `payer` see Pager. Returns how many. */
  evict(wanted: number, payer: Vm | null): number {
    const { residents } = this.parts;
    this.#scanned = 0;
    if (this.favoured?.stalledAt !== this.favoured?.cpu.retired) this.favoured = null;
    if (payer !== null && payer !== this.#payer) this.#unpaid = 0;
    this.#payer = payer ?? this.#payer;
    let freed = 0;
    while (freed < wanted && this.#scanned < SCAN_MAXIMUM && !this.exhausted(payer !== null)) {
      const victim = this.#victim(payer);
      if (victim === null) {
        this.#fruitless = 2 * residents.size + 2;
        break;
      }
      const got = this.#takeFrom(victim, wanted - freed, victim === payer);
      freed += got;
      if (this.#unfinished === victim) break;
      if (victim === payer) this.#unpaid = got > 0 ? 0 : this.#unpaid + 1;
      else this.#fruitless = got > 0 ? 0 : this.#fruitless + 1;
      // Its other pages have their second chance.
      if (freed < wanted && victim !== payer && victim.listed) residents.renew(victim);
    }
    return freed;
  }

  #victim(payer: Vm | null): Vm | null {
    const { residents, now } = this.parts;
    const { oldest } = residents;
    if (payer === null || payer.space.resident === 0 || oldest === null) return oldest;
    // Who has slept gives first, as long as somebody does.
    return now() - oldest.lastRun < RECENT_US || this.exhausted(false) ? payer : oldest;
  }

  #takeFrom(vm: Vm, wanted: number, paying: boolean): number {
    const { space } = vm;
    const { map } = space;
    this.#scanned++;
    let left = this.#unfinished === vm ? this.#left : map.places;
    this.#unfinished = null;
    // Shelter is from others; it may have come into it before it had many pages.
    if (vm.fresh || (vm.sheltered && !paying)) return 0;
    const secondChance = vm.active || vm.pageWaits;
    // What one write can take of a VM that sleeps goes with it, and comes back with one read.
    const most = secondChance ? wanted : Math.max(wanted, this.parts.device.clusterPages);
    let freed = 0;
    for (; left > 0 && freed < most; left--) {
      if (++this.#scanned > SCAN_MAXIMUM) {
        this.#unfinished = vm;
        this.#left = left;
        break;
      }
      const place = space.hand & (map.places - 1);
      const page = map.page(place), before = map.size;
      if (page !== 0 && map.frame(place) !== ABSENT) {
        if (this.#takePage(vm, place, page, secondChance)) freed++;
      }
      // A page that was removed has another one in its place.
      if (map.size === before) space.hand++;
    }
    this.#send();
    return freed;
  }

  #takePage(vm: Vm, place: number, page: number, secondChance: boolean): boolean {
    const { space } = vm;
    const { map } = space;
    const slot = map.slot(place), frame = map.frame(place);
    const underWay = slot !== ABSENT && (slot & UNDER_WAY) !== 0;
    if (underWay || this.parts.frames.references(frame) > 1) return false;
    // The kernel writes to the registers of a VM that runs without asking.
    if (page === REGISTERS_PAGE && (vm.active || vm === this.favoured)) return false;
    if (vm === this.favoured && space.isMapped(page)) return false;
    if (space.unmap(page) && secondChance) return false;
    if (slot !== ABSENT) {
      map.setFrame(place, ABSENT);
    } else if (space.image.frame(page) === ZERO_FRAME && this.#isZero(frame)) {
      map.remove(place);
    } else {
      return this.#write(vm, place, page, frame);
    }
    this.dropped++;
    this.free(vm, page, frame);
    return true;
  }

  /** A page has left: gives back its frame. */
  free(vm: Vm, page: number, frame: number): void {
    this.parts.frames.release(frame);
    if (page === REGISTERS_PAGE) vm.registers.frame = ABSENT;
    vm.evictions++;
    if (--vm.space.resident === 0) this.parts.residents.remove(vm);
  }

  #isZero(frame: number): boolean {
    const { i32 } = this.parts.frames.pool;
    const end = (frame + PAGE_SIZE) >>> 2;
    for (let at = frame >>> 2; at < end; at++) if (i32[at] !== 0) return false;
    return true;
  }

  #write(vm: Vm, place: number, page: number, frame: number): boolean {
    const { parts } = this;
    if (this.#batch === null && (!parts.device.ready || !parts.writable())) return false;
    const batch = this.#batch ??= vmTransfer(vm, true);
    const slot = vm.space.region!.take(page);
    vm.space.map.setSlot(place, slot | UNDER_WAY);
    batch.add(page, slot, frame);
    if (batch.pages.length === parts.device.clusterPages) this.#send();
    return true;
  }

  #send(): void {
    if (this.#batch === null) return;
    const batch = this.#batch;
    this.#batch = null;
    this.parts.begin(batch);
  }
}
