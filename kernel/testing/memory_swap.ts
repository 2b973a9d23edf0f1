/**
 * A swap device in memory for tests: transfers end when the test says so, in the order it says, and as
 * badly as it says.
 */

import {
  SWAP_DONE,
  SWAP_FAILED,
  SWAP_FULL,
  type SwapDevice,
  type SwapOptions,
  type SwapTransfer,
} from "../swap_device.ts";

const PAGE = 4096;

export interface MemorySwapOptions {
  /** Default 2^20. */
  readonly pages?: number;
  /** Default 16. */
  readonly clusterPages?: number;
  /** Transfers that may be under way; default 8. */
  readonly transfers?: number;
  /** Polls that a transfer takes; default 0: it has ended at the next poll. */
  delay?: (transfer: SwapTransfer) => number;
  /** How a transfer ends. */
  outcome?: (transfer: SwapTransfer) => number;
}

interface Pending {
  readonly transfer: SwapTransfer;
  readonly bytes: Uint8Array[];
  polls: number;
}

/** Slots that were written, and what it was asked for. */
export class MemorySwap implements SwapDevice {
  readonly slots = new Map<number, Uint8Array>();
  /** Every transfer that was begun. */
  readonly log: SwapTransfer[] = [];
  /** While true, nothing ends. */
  held = false;
  readonly #pending: Pending[] = [];
  #pool: Uint8Array = new Uint8Array(0);

  constructor(readonly options: MemorySwapOptions = {}) {}

  /** What a kernel is given. */
  get swap(): SwapOptions {
    return {
      pages: this.options.pages ?? 1 << 20,
      open: (pool) => {
        this.#pool = pool;
        return this;
      },
    };
  }

  get clusterPages(): number {
    return this.options.clusterPages ?? 16;
  }

  get ready(): boolean {
    return this.#pending.length < (this.options.transfers ?? 8);
  }

  get news(): boolean {
    return !this.held && this.#pending.length > 0;
  }

  begin(transfer: SwapTransfer): void {
    if (!this.ready) throw new Error("begin while not ready");
    const { slots, frames } = transfer;
    if (slots.length < 1 || slots.length > this.clusterPages || frames.length !== slots.length) {
      throw new Error(`a transfer of ${slots.length} slots`);
    }
    for (let i = 1; i < slots.length; i++) {
      if (slots[i] <= slots[i - 1]) throw new Error("slots do not ascend");
    }
    if (!transfer.write && slots.some((slot) => !this.slots.has(slot))) {
      throw new Error("a slot is read that was never written");
    }
    const bytes = frames.map((frame) => this.#pool.slice(frame, frame + PAGE));
    this.log.push(transfer);
    this.#pending.push({ transfer, bytes, polls: this.options.delay?.(transfer) ?? 0 });
  }

  poll(ended: (transfer: SwapTransfer, status: number) => void): void {
    if (this.held) return;
    const due = this.#pending.filter((each) => each.polls-- <= 0);
    for (const { transfer, bytes } of due) {
      this.#pending.splice(this.#pending.findIndex((each) => each.transfer === transfer), 1);
      const status = this.options.outcome?.(transfer) ?? SWAP_DONE;
      if (status !== SWAP_DONE) transfer.error = status === SWAP_FULL ? "disk full" : "broken disk";
      this.#move(transfer, bytes, status);
      ended(transfer, status);
    }
  }

  #move({ write, slots, frames }: SwapTransfer, bytes: Uint8Array[], status: number): void {
    slots.forEach((slot, index) => {
      // A transfer that failed has moved a part, and garbage behind it.
      const content = status === SWAP_DONE || index === 0
        ? write ? bytes[index] : this.slots.get(slot)!
        : new Uint8Array(PAGE).fill(0xdb);
      if (write) this.slots.set(slot, content);
      else this.#pool.set(content, frames[index]);
    });
  }
}

/** Ends a share of the transfers badly. `random` is 0..1. */
export function failing(random: () => number, share: number, status: number = SWAP_FAILED) {
  return (): number => random() < share ? status : SWAP_DONE;
}
