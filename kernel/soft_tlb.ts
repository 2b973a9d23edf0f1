/**
 * The flat page tables that engines read, as a bounded cache over all VMs of a kernel.
 *
 * A flat table makes a guest's memory access one load and one test, but costs 8 bytes per page of
 * the VM's memory (32 KiB for 16 MiB), far more than the rest of an idle VM. So only the VMs that ran
 * last have tables: the one that has waited longest loses its pair when the limit is reached, and
 * fills another one from its page map when it runs again.
 *
 * Rules for callers: `attach` before a VM runs; tables never go away while a VM runs; a table that
 * was lost is `EMPTY_TABLE`, where every read gives undefined, which engines treat as "slow path".
 */

/** What an address space has instead of a table while it does not run. */
export const EMPTY_TABLE = new Int32Array(0);

/**
 * Default limit over all tables of a kernel: 32 VMs of 64 MiB, or 128 of 16 MiB. Tables that another VM had just now
 * are in the processor's caches, those that a VM had two seconds ago are not.
 */
export const SOFT_TLB_BYTES = 4 * 1024 * 1024;

/** Where the cache keeps a pair of tables; only the cache writes these fields. */
export interface SoftTlbHolder {
  readonly pages: number;
  readTable: Int32Array;
  writeTable: Int32Array;
  tlbOlder: SoftTlbHolder | null;
  tlbNewer: SoftTlbHolder | null;
  /** What its tables had when it lost them is noted. */
  tlbNoted: boolean;
  /** It has got empty tables. */
  tlbSupplied?(): void;
  /** Its tables are to be another's: it notes what it wants, and empties them. */
  tlbTaken(): void;
}

export class SoftTlb {
  #oldest: SoftTlbHolder | null = null;
  #newest: SoftTlbHolder | null = null;
  #bytes = 0;
  #refills = 0;

  constructor(readonly limit: number = SOFT_TLB_BYTES) {}

  /** Bytes of all tables now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Times a holder came without tables. */
  get refills(): number {
    return this.#refills;
  }

  /** Gives the holder empty tables if it has none, and makes it the newest. Returns the pages of new tables. */
  attach(holder: SoftTlbHolder): number {
    if (holder === this.#newest) return 0;
    const supplied = holder.readTable.length === 0;
    if (supplied) {
      this.#refills++;
      this.#supply(holder);
      holder.tlbSupplied?.();
      holder.tlbNoted = false;
    } else this.#unlink(holder);
    this.#append(holder);
    return supplied ? holder.pages : 0;
  }

  /** Takes the holder's tables away, and what is noted of them. */
  detach(holder: SoftTlbHolder): void {
    holder.tlbNoted = false;
    if (holder.readTable.length === 0) return;
    this.#unlink(holder);
    this.#bytes -= 8 * holder.pages;
    holder.readTable = EMPTY_TABLE;
    holder.writeTable = EMPTY_TABLE;
  }

  #supply(holder: SoftTlbHolder): void {
    const bytes = 8 * holder.pages;
    while (this.#oldest !== null && this.#bytes + bytes > this.limit) {
      const victim = this.#oldest;
      const { readTable, writeTable } = victim;
      const fits = readTable.length === holder.pages;
      if (fits) victim.tlbTaken();
      this.detach(victim);
      victim.tlbNoted = fits;
      if (!fits) continue;
      holder.readTable = readTable;
      holder.writeTable = writeTable;
      this.#bytes += bytes;
      return;
    }
    holder.readTable = new Int32Array(holder.pages);
    holder.writeTable = new Int32Array(holder.pages);
    this.#bytes += bytes;
  }

  #append(holder: SoftTlbHolder): void {
    holder.tlbOlder = this.#newest;
    holder.tlbNewer = null;
    if (this.#newest) this.#newest.tlbNewer = holder;
    else this.#oldest = holder;
    this.#newest = holder;
  }

  #unlink(holder: SoftTlbHolder): void {
    const { tlbOlder, tlbNewer } = holder;
    if (tlbOlder) tlbOlder.tlbNewer = tlbNewer;
    else this.#oldest = tlbNewer;
    if (tlbNewer) tlbNewer.tlbOlder = tlbOlder;
    else this.#newest = tlbOlder;
    holder.tlbOlder = null;
    holder.tlbNewer = null;
  }
}
