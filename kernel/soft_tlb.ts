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

/** Default limit over all tables of a kernel: 64 VMs of 256 MiB. */
export const SOFT_TLB_BYTES = 32 * 1024 * 1024;
/**
 * Default limit of pairs. Tables that another VM had just now are in the processor's caches, those that a VM had two
 * seconds ago are not: with more of them turns among thousands of VMs take longer.
 */
export const SOFT_TLB_PAIRS = 128;

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

type Pair = Pick<SoftTlbHolder, "readTable" | "writeTable">;

export class SoftTlb {
  #oldest: SoftTlbHolder | null = null;
  #newest: SoftTlbHolder | null = null;
  /** Those that somebody has. */
  #pairs = 0;
  #bytes = 0;
  /** Empty pairs of those that lost them, by the number of pages. */
  readonly #spares = new Map<number, Pair[]>();
  #spareBytes = 0;
  #refills = 0;

  constructor(readonly limit: number = SOFT_TLB_BYTES, readonly most: number = SOFT_TLB_PAIRS) {}

  /** Bytes of all tables now. */
  get bytes(): number {
    return this.#bytes + this.#spareBytes;
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
    this.#pairs--;
    this.#bytes -= 8 * holder.pages;
    holder.readTable = EMPTY_TABLE;
    holder.writeTable = EMPTY_TABLE;
  }

  #supply(holder: SoftTlbHolder): void {
    const { pages } = holder, bytes = 8 * pages;
    while (
      this.#oldest !== null && (this.#pairs >= this.most || this.#bytes + bytes > this.limit)
    ) this.#take(this.#oldest);
    const spare = this.#spares.get(pages)?.pop();
    if (spare) this.#spareBytes -= bytes;
    holder.readTable = spare?.readTable ?? new Int32Array(pages);
    holder.writeTable = spare?.writeTable ?? new Int32Array(pages);
    this.#pairs++;
    this.#bytes += bytes;
    if (this.bytes > this.limit) {
      this.#spares.clear();
      this.#spareBytes = 0;
    }
  }

  /** Takes a pair for the next who wants one of its size. */
  #take(holder: SoftTlbHolder): void {
    const { pages, readTable, writeTable } = holder;
    holder.tlbTaken();
    this.detach(holder);
    holder.tlbNoted = true;
    const spares = this.#spares.get(pages);
    if (spares) spares.push({ readTable, writeTable });
    else this.#spares.set(pages, [{ readTable, writeTable }]);
    this.#spareBytes += 8 * pages;
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
