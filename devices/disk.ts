/**
 * The disks of one VM: which it has, and the requests that it has open.
 *
 * A request waits until the kernel sends it to whoever owns the files, is under way until that one
 * answers, and has ended until the VM takes its completion. The number of open ones is bounded for
 * all three together, so that a VM which never takes what it asked for costs no more than one that does.
 *
 * No bytes are kept here: they lie in the VM's memory before and after, and in between in the staging area
 * of the device.
 */

/** Where a disk lies for whoever owns the files. */
export interface DiskUnit {
  /** ASCII, 1..23 characters. */
  readonly name: string;
  /** Of 4 KiB. */
  readonly blocks: number;
  readonly readOnly: boolean;
  /** Number by which the owner of the files knows this VM's hold on it. */
  readonly handle: number;
}

export interface DiskRequest<Owner> {
  readonly owner: Owner;
  readonly handle: number;
  readonly operation: number;
  /** The guest's. */
  readonly tag: number;
  readonly block: number;
  readonly count: number;
  /** Guest address. */
  readonly buffer: number;
  /** How it ended. */
  status: number;
}

/** Requests and bytes since the VM was made. */
export interface DiskCounters {
  reads: number;
  writes: number;
  flushes: number;
  readBytes: number;
  writtenBytes: number;
  /** Requests that ended otherwise than with all done. */
  errors: number;
}

export function diskCounters(): DiskCounters {
  return { reads: 0, writes: 0, flushes: 0, readBytes: 0, writtenBytes: 0, errors: 0 };
}

export class DiskController<Owner> {
  readonly counters: DiskCounters = diskCounters();
  /** First come, first served. */
  readonly waiting: DiskRequest<Owner>[] = [];
  readonly ended: DiskRequest<Owner>[] = [];
  /** Requests that wait, are under way or have ended. */
  open = 0;
  /** Blocks of the requests that are under way. */
  blocksUnderWay = 0;
  /** The next request that waits needs a page which is not in memory. */
  starved = false;
  /** It is in the kernel's list of those with requests that wait. */
  listed = false;

  constructor(readonly units: readonly DiskUnit[], readonly openMaximum: number) {}

  get hasRoom(): boolean {
    return this.open < this.openMaximum;
  }

  /** The VM has ended: nothing that waits is wanted any more. */
  clear(): void {
    this.waiting.length = 0;
    this.ended.length = 0;
    this.starved = false;
  }
}
