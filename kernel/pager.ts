/**
 * Moves pages between memory and swap, and keeps VMs waiting that need one which is not there.
 *
 * A VM meets the pager when an instruction, or the kernel on its behalf, needs a page that is in swap or a
 * frame that is not free. It then leaves the run queue (`Vm.pageWaits`) and all others run on. It comes back
 * when the page is there, and the instruction runs again from its beginning.
 *
 * - Pages come in with those that lie next to them in swap, up to a cluster, as far as frames are free
 *   beyond the reserve. They went out together, so they were used together.
 * - When fewer frames are free than the reserve, pages are evicted (evictor.ts) until there are twice as
 *   many. Nothing is evicted while an engine runs.
 * - A VM that holds many pages and finds too few frames for such a VM (FrameTable.mayTake) pays with its
 *   own, unless somebody has been idle for a second.
 * - A VM that waited is sheltered until it has had a whole turn (shelter.ts).
 * - A VM whose instruction does not get through although pages came in for it is favoured: its
 *   pages stay until it does. So VMs cannot take each other's pages for ever.
 * - If no frame can be had from anybody, the VMs that wait are paused with a reason, and resumed, first
 *   come, first served, when frames are free.
 *
 * Without a swap device only the last of these holds. How pages move, and what a failure costs, is in
 * swap_traffic.ts.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import { LAYOUT } from "./abi.ts";
import { Evictor } from "./evictor.ts";
import type { FrameTable } from "./frames.ts";
import { Gatekeeper, type Lines } from "./gatekeeper.ts";
import { NOTHING } from "./memory.ts";
import { ABSENT } from "./page_map.ts";
import { Residents } from "./residents.ts";
import { Shelter } from "./shelter.ts";
import type { SoftTlb } from "./soft_tlb.ts";
import type { SwapDevice } from "./swap_device.ts";
import { SwapTraffic, type TrafficCounters } from "./swap_traffic.ts";
import type { Vm } from "./vm.ts";

const REGISTERS_PAGE = LAYOUT.REGISTERS_BASE.value / PAGE_SIZE;

const NO_TRAFFIC: TrafficCounters = { pageIns: 0, pageOuts: 0, reads: 0, writes: 0, errors: 0 };

/** What the pager asks of the kernel. */
export interface PagerOwner {
  /** Puts a VM that waited into the run queue. */
  wake(vm: Vm): void;
  pause(vm: Vm, reason: string): void;
  resume(vm: Vm): void;
  crash(vm: Vm, reason: string): void;
  now(): number;
}

export interface PagerParts {
  readonly frames: FrameTable;
  readonly softTlb: SoftTlb;
  readonly owner: PagerOwner;
  readonly device: SwapDevice | null;
}

export class Pager {
  /** Times a VM had to wait for a page in swap. */
  faults = 0;
  readonly gatekeeper: Gatekeeper;
  readonly #parts: PagerParts;
  readonly #residents = new Residents<Vm>();
  /** Both null without a swap device. */
  readonly #traffic: SwapTraffic | null;
  readonly #evictor: Evictor | null;
  readonly #shelter = new Shelter();
  /** VMs whose page came in and which have not run since. */
  #fresh = 0;

  constructor(parts: PagerParts) {
    this.#parts = parts;
    this.gatekeeper = new Gatekeeper(parts.frames);
    const { device, owner, frames } = parts;
    const now = () => owner.now();
    this.#traffic = device && new SwapTraffic({
      frames,
      device,
      now,
      changed: () => this.#evictor!.reset(),
      arrived: (vm) => this.#arrived(vm),
      departed: (vm, page, frame) => this.#evictor!.free(vm, page, frame),
      crash: (vm, reason) => owner.crash(vm, reason),
    });
    this.#evictor = device && new Evictor({
      frames,
      residents: this.#residents,
      device,
      now,
      writable: () => !this.diskFull,
      begin: (transfer) => this.#traffic!.begin(transfer),
    });
  }

  /** Transfers that have not ended. */
  get underWay(): number {
    return this.#traffic?.underWay ?? 0;
  }

  /** Pages that went without being written. */
  get dropped(): number {
    return this.#evictor?.dropped ?? 0;
  }

  /** The last write found no room on the disk. */
  get diskFull(): boolean {
    return this.#traffic !== null && this.#traffic.retryAt !== 0;
  }

  get counters(): Readonly<TrafficCounters> {
    return this.#traffic?.counters ?? NO_TRAFFIC;
  }

  /** `poll` has something to do now. */
  get busy(): boolean {
    const { small, large } = this.gatekeeper;
    if (this.#scans(small) || this.#scans(large)) return true;
    return this.#traffic?.news ?? false;
  }

  /** When there is something to do that nobody will tell of; Infinity: never. */
  get deadline(): number {
    const hopeful = this.gatekeeper.paused + this.gatekeeper.waiting > 0;
    return this.diskFull && hopeful ? this.#traffic!.retryAt : Infinity;
  }

  /** A VM was made. */
  add(vm: Vm): void {
    if (vm.space.resident > 0) this.#residents.renew(vm);
  }

  /** A VM is about to run. False if it must wait for its registers first. */
  admit(vm: Vm): boolean {
    const { space } = vm;
    if (vm.registers.frame === ABSENT) {
      space.wanted = REGISTERS_PAGE;
      this.wait(vm);
      // There may be a frame for a VM that was made while there was none: then nobody will wake it.
      if (vm.registers.frame === ABSENT) return false;
    }
    if (this.#evictor === null) return true;
    // The kernel writes there without asking.
    if (vm.registersSaved) {
      vm.registersSaved = false;
      space.touch(space.map.find(REGISTERS_PAGE));
    }
    if (vm.fresh) {
      this.#wilt(vm);
      this.#evictor.reset();
    }
    vm.lastRun = this.#parts.owner.now();
    this.#residents.renew(vm);
    return true;
  }

  /** A VM had its turn: it gave up the processor for another reason than a page. */
  turnEnded(vm: Vm): void {
    if (!vm.sheltered) return;
    this.#shelter.leave(vm);
    this.#evictor?.reset();
  }

  /** A VM needs the page `space.wanted`: it waits, unless it can go on at once. */
  wait(vm: Vm): void {
    const { space } = vm;
    const page = space.wanted;
    space.wanted = NOTHING;
    vm.pageWaits = true;
    if (page === NOTHING) return this.#wake(vm);
    vm.waitsFor = page;
    this.#wilt(vm);
    this.#favour(vm);
    if (this.gatekeeper.isSwapped(vm, page)) {
      vm.faults++;
      this.faults++;
    }
    // A transfer that began before the VM was paused may be bringing the page.
    if (space.transfers > 0 && vm.reading) return;
    this.gatekeeper.enter(vm);
    this.#serve();
  }

  /** The VM waits no more: it is paused or has ended. */
  forget(vm: Vm): void {
    vm.pageWaits = false;
    this.gatekeeper.forget(vm);
    this.#wilt(vm);
    this.#shelter.leave(vm);
    if (this.#evictor?.favoured === vm) this.#evictor.favoured = null;
  }

  /** The VM's memory was released. */
  remove(vm: Vm): void {
    this.#residents.remove(vm);
    this.#evictor?.forget(vm);
  }

  /** Hears of transfers that have ended, and moves on who waits. To be called between runs. */
  poll(): void {
    this.#traffic?.poll();
    const { small, large } = this.gatekeeper;
    if (this.gatekeeper.paused > 0) {
      this.#resumePaused(small);
      this.#resumePaused(large);
    }
    if (this.gatekeeper.waiting > 0) this.#serve();
    if (small.waiting.size === 0) this.#keepReserve();
  }

  /** Looking for pages goes on, although nobody will tell of anything. */
  #scans({ large, waiting, paused }: Lines): boolean {
    return waiting.size + paused.size > 0 && this.#evictor !== null &&
      !this.#evictor.exhausted(large) && this.underWay === 0;
  }

  get #leaving(): number {
    return this.#traffic?.leaving ?? 0;
  }

  #keepReserve(): void {
    const { frames } = this.#parts;
    const { reserve, target } = this.gatekeeper;
    if (this.#evictor === null || frames.free + this.#leaving >= reserve) return;
    this.#evictor.evict(target - frames.free - this.#leaving, null);
  }

  /** Gives frames to those that wait, in order, as far as there are any. */
  #serve(): void {
    this.#serveLine(this.gatekeeper.small);
    this.#serveLine(this.gatekeeper.large);
  }

  #serveLine(lines: Lines): void {
    const { waiting } = lines;
    for (let vm = waiting.first; vm !== null; vm = waiting.first) {
      if (!this.#serveOne(vm)) {
        this.#makeRoom(vm);
        // What was dropped is free at once.
        if (!this.#serveOne(vm)) break;
      }
      waiting.leave(vm);
    }
    if (waiting.size > 0 && this.#stuck(lines)) this.#yieldOrPause(lines);
  }

  /** Lets a VM go on or begins to read for it; false if it must wait. */
  #serveOne(vm: Vm): boolean {
    const allowance = this.#allowance(vm);
    if (!this.gatekeeper.isSwapped(vm, vm.waitsFor)) {
      if (allowance === 0) return false;
      if (vm.space.pending !== null) this.#beginLife(vm, vm.space.pending);
      this.#wake(vm);
      return true;
    }
    if (allowance === 0 || !this.#traffic!.ready) return false;
    this.#traffic!.read(vm, vm.waitsFor, allowance);
    return true;
  }

  /** Lets in a VM for whose first page there was no frame when it was made. */
  #beginLife(vm: Vm, bytes: Uint8Array): void {
    vm.registers.frame = vm.space.adopt(REGISTERS_PAGE, bytes);
    vm.space.pending = null;
    this.#residents.renew(vm);
  }

  #allowance(vm: Vm): number {
    return this.gatekeeper.allowance(vm, this.#parts.device?.clusterPages ?? 0);
  }

  #makeRoom(vm: Vm): void {
    if (this.#evictor === null) return;
    const { frames } = this.#parts;
    const large = this.gatekeeper.isLarge(vm);
    const goal = large ? frames.held + this.gatekeeper.reserve : this.gatekeeper.target;
    const wanted = goal - frames.free - this.#leaving;
    if (wanted > 0) this.#evictor.evict(wanted, large ? vm : null);
  }

  /** No frame can be had and none is on its way. */
  #stuck({ large }: Lines): boolean {
    if (this.#evictor === null) return true;
    return this.underWay === 0 && this.#fresh === 0 && this.#evictor.exhausted(large);
  }

  /** Nobody gives a frame of his own accord. */
  #yieldOrPause(lines: Lines): void {
    // Nobody gives up its shelter for a VM that could give up pages of its own.
    const vm = lines.large ? null : this.#shelter.last(lines.waiting.first);
    if (vm !== null) {
      this.#shelter.leave(vm);
      this.#parts.softTlb.detach(vm.space);
      this.#evictor!.reset();
    } else if (lines.large || this.#shelter.size === 0) {
      this.#pauseWaiting(lines);
    }
  }

  #pauseWaiting({ waiting, paused }: Lines): void {
    for (let vm = waiting.first; vm !== null; vm = waiting.first) {
      waiting.leave(vm);
      this.#parts.owner.pause(vm, this.#reason());
      paused.enter(vm);
    }
    // Those who do not run any more may have something to give.
    this.#evictor?.reset();
  }

  #reason(): string {
    const { free, total } = this.#parts.frames;
    const disk = this.diskFull ? " and the disk has no room for swap" : "";
    return `out of memory: ${free} of the pool's ${total} frames are free${disk}; ` +
      "it goes on when there is memory again: destroy other VMs or make room";
  }

  #resumePaused({ paused }: Lines): void {
    for (let left = this.#parts.frames.free; left >= 0; left--) {
      const vm = paused.first;
      if (vm === null) return;
      if (this.#allowance(vm) === 0) return this.#makeRoom(vm);
      paused.leave(vm);
      this.#parts.owner.resume(vm);
    }
  }

  #arrived(vm: Vm): void {
    this.#residents.renew(vm);
    if (vm.pageWaits) this.#wake(vm);
  }

  #wake(vm: Vm): void {
    vm.pageWaits = false;
    if (!vm.fresh) this.#fresh++;
    vm.fresh = true;
    if (!this.gatekeeper.isLarge(vm)) this.#shelter.enter(vm);
    this.#parts.owner.wake(vm);
  }

  #wilt(vm: Vm): void {
    if (vm.fresh) this.#fresh--;
    vm.fresh = false;
  }

  /** A VM that waits twice at one instruction is favoured until it has got through it. */
  #favour(vm: Vm): void {
    const evictor = this.#evictor;
    if (evictor === null) return;
    const stalled = vm.stalledAt === vm.cpu.retired;
    vm.stalledAt = vm.cpu.retired;
    if (!stalled && evictor.favoured === vm) evictor.favoured = null;
    if (!stalled || evictor.favoured !== null) return;
    evictor.favoured = vm;
    // What it uses from now on is what this instruction needs.
    this.#parts.softTlb.detach(vm.space);
  }
}
