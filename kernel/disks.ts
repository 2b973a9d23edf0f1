/**
 * The requests of all VMs to their disks: whose turn it is, and what becomes of the bytes.
 *
 * - VMs with requests that wait take turns of TURN_BLOCKS blocks. The first in line waits for its place in
 *   the staging area and nobody passes it; so each waits only for what is under way and for one turn of
 *   each of the others.
 * - A VM has at most VM_BLOCKS blocks under way, so that one whose file is slow leaves places to others.
 * - Bytes move between memory and staging when a request is sent and when it has ended. Nothing refers to
 *   a VM's memory in between: it may end, and its pages may leave memory.
 * - A page that is not in memory then is waited for by the VM itself, when it next gets its turn: it is
 *   woken for that. A write is sent afterwards, a read is performed again.
 */

import { PAGE_SIZE } from "../cpu/engine.ts";
import { type DiskCounters, diskCounters } from "../devices/disk.ts";
import { CONSTANTS, INTERRUPTS } from "./abi.ts";
import type { DiskDevice, DiskTransfer } from "./disk_device.ts";
import { NOTHING } from "./memory.ts";
import type { Vm } from "./vm.ts";

const READ = CONSTANTS.DISK_READ.value, WRITE = CONSTANTS.DISK_WRITE.value;
const DONE = CONSTANTS.DISK_DONE.value;
/** What a VM may send before the next one's turn; a flush counts as one block. */
const TURN_BLOCKS: number = CONSTANTS.DISK_REQUEST_BLOCKS.value;

/** Microseconds that it takes to copy a block, which happens outside of the turns that a VM's cap is about. */
const COPY_US = 0.5;

/** Blocks that a VM may have under way: enough to keep a disk busy, a fraction of the staging area. */
const VM_BLOCKS = 8 * TURN_BLOCKS;

export interface DisksParts {
  /** Null: no VM has disks. */
  readonly device: DiskDevice | null;
  /** Raises interrupt bits in a VM. */
  raise(vm: Vm, bits: number): void;
}

export interface DiskStats extends DiskCounters {
  /** Requests that wait to be sent, and those that are under way. */
  readonly waiting: number;
  readonly underWay: number;
}

export class Disks {
  /** Sums over all VMs since the kernel was made. */
  readonly #totals: DiskCounters = diskCounters();
  readonly #device: DiskDevice | null;
  readonly #parts: DisksParts;
  /** VMs with requests that wait and may be sent, in turn. */
  readonly #line: Vm[] = [];
  /** Blocks that the first in line has sent in its turn. */
  #sent = 0;
  #underWay = 0;
  #waiting = 0;

  constructor(parts: DisksParts) {
    this.#parts = parts;
    this.#device = parts.device;
  }

  get present(): boolean {
    return this.#device !== null;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get stats(): DiskStats {
    return { ...this.#totals, waiting: this.#waiting, underWay: this.#underWay };
  }

  /** Some request has ended. */
  get news(): boolean {
    return this.#device !== null && this.#device.news;
  }

  /** Takes a checked request of a VM that has room for it. */
  submit(transfer: DiskTransfer): void {
    const vm = transfer.owner, disk = vm.disk!;
    disk.open++;
    disk.waiting.push(transfer);
    this.#waiting++;
    this.#list(vm);
    this.#send();
  }

  /** A request that is wrong has ended before it began. */
  refuse(transfer: DiskTransfer): void {
    transfer.owner.disk!.open++;
    this.#end(transfer);
  }

  /** Hears of requests that have ended. */
  poll(): void {
    if (!this.news) return;
    this.#device!.poll((transfer, place, status) => this.#ended(transfer, place, status));
    this.#send();
  }

  /** A VM that is starved has its turn; false: it needs the page `space.wanted` first. */
  resume(vm: Vm): boolean {
    const disk = vm.disk!;
    const [next] = disk.waiting;
    if (next !== undefined && !reaches(next)) return false;
    disk.starved = false;
    if (next === undefined) return true;
    this.#list(vm);
    this.#send();
    return true;
  }

  /** The VM has ended. */
  detach(vm: Vm): void {
    if (vm.disk === null) return;
    this.#waiting -= vm.disk.waiting.length;
    vm.disk.clear();
    if (!vm.disk.listed) return;
    const index = this.#line.indexOf(vm);
    this.#line.splice(index, 1);
    vm.disk.listed = false;
    if (index === 0) this.#sent = 0;
    this.#send();
  }

  #list(vm: Vm): void {
    const disk = vm.disk!;
    if (disk.listed || disk.starved || !maySend(vm)) return;
    disk.listed = true;
    this.#line.push(vm);
  }

  #send(): void {
    const line = this.#line;
    while (line.length > 0) {
      const vm = line[0], disk = vm.disk!;
      const next = disk.waiting[0];
      const place = this.#device!.reserve(next.count);
      if (place < 0) return;
      if (next.operation === WRITE && !this.#fill(next, place)) {
        this.#device!.cancel(place, next.count);
        this.#starve(vm);
      } else {
        disk.waiting.shift();
        this.#waiting--;
        this.#underWay++;
        disk.blocksUnderWay += next.count;
        this.#device!.begin(place, next);
        this.#sent += Math.max(1, next.count);
      }
      if (disk.starved || !maySend(vm)) {
        line.shift();
        disk.listed = false;
        this.#sent = 0;
      } else if (this.#sent >= TURN_BLOCKS) {
        line.push(line.shift()!);
        this.#sent = 0;
      }
    }
  }

  #fill(transfer: DiskTransfer, place: number): boolean {
    if (!reaches(transfer)) return false;
    const { owner: { space }, buffer, count } = transfer;
    space.read(buffer, this.#device!.staging, place, count * PAGE_SIZE);
    transfer.owner.cpuTime?.spend(count * COPY_US);
    return true;
  }

  #starve(vm: Vm): void {
    vm.disk!.starved = true;
    this.#parts.raise(vm, INTERRUPTS.INTERRUPT_DISK.value);
  }

  #ended(transfer: DiskTransfer, place: number, status: number): void {
    const vm = transfer.owner, disk = vm.disk!;
    this.#underWay--;
    disk.blocksUnderWay -= transfer.count;
    if (vm.ended) return;
    transfer.status = status;
    if (transfer.operation === READ && status === DONE) {
      if (!reaches(transfer)) {
        disk.waiting.unshift(transfer);
        this.#waiting++;
        this.#unlist(vm);
        return this.#starve(vm);
      }
      vm.space.write(transfer.buffer, this.#device!.staging, place, transfer.count * PAGE_SIZE);
      vm.cpuTime?.spend(transfer.count * COPY_US);
    }
    this.#end(transfer);
    this.#list(vm);
  }

  #unlist(vm: Vm): void {
    if (!vm.disk!.listed) return;
    vm.disk!.listed = false;
    const index = this.#line.indexOf(vm);
    this.#line.splice(index, 1);
    if (index === 0) this.#sent = 0;
  }

  #end(transfer: DiskTransfer): void {
    const disk = transfer.owner.disk!;
    count(disk.counters, transfer);
    count(this.#totals, transfer);
    disk.ended.push(transfer);
    this.#parts.raise(transfer.owner, INTERRUPTS.INTERRUPT_DISK.value);
  }
}

/** It has a request that waits, and may have it under way with the others. */
function maySend(vm: Vm): boolean {
  const { waiting, blocksUnderWay } = vm.disk!;
  return waiting.length > 0 && blocksUnderWay + waiting[0].count <= VM_BLOCKS;
}

/** All of the buffer is in memory; if not, `space.wanted` names a page. */
function reaches({ owner: { space }, operation, buffer, count }: DiskTransfer): boolean {
  space.wanted = NOTHING;
  const bytes = count * PAGE_SIZE;
  return space.probe(buffer, bytes, operation === READ) === bytes;
}

function count(counters: DiskCounters, { operation, count, status }: DiskTransfer): void {
  if (status !== DONE) {
    counters.errors++;
  } else if (operation === READ) {
    counters.reads++;
    counters.readBytes += count * PAGE_SIZE;
  } else if (operation === WRITE) {
    counters.writes++;
    counters.writtenBytes += count * PAGE_SIZE;
  } else {
    counters.flushes++;
  }
}
