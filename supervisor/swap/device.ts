/**
 * The cell's side of its swap: the kernel's SwapDevice over the channel to the swap worker.
 */

import { Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import type { SwapDevice, SwapTransfer } from "../../kernel/swap_device.ts";
import {
  PAGE_BYTES,
  SWAP_BELL,
  SWAP_READ,
  SWAP_WANTED,
  SWAP_WRITE,
  type SwapChannel,
} from "./channel.ts";

export class ChannelSwapDevice implements SwapDevice {
  readonly clusterPages: number;
  readonly #pool: Uint8Array;
  readonly #staging: Uint8Array;
  readonly #clusterBytes: number;
  readonly #requests: RingWriter;
  readonly #answers: RingReader;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bell: Doorbell;
  readonly #hostBell: Doorbell;
  readonly #free: number[] = [];
  /** What each place of the staging area is used for. */
  readonly #underWay: (SwapTransfer | null)[] = [];

  /** `hostBell` is rung when the worker has to be started. */
  constructor(channel: SwapChannel, pool: Uint8Array, hostBell: Doorbell) {
    this.clusterPages = channel.clusterBytes / PAGE_BYTES;
    this.#pool = pool;
    this.#staging = new Uint8Array(channel.staging);
    this.#clusterBytes = channel.clusterBytes;
    this.#requests = new RingWriter(channel.requests);
    this.#answers = new RingReader(channel.answers);
    this.#words = new Int32Array(channel.status);
    this.#bell = new Doorbell(this.#words, SWAP_BELL);
    this.#hostBell = hostBell;
    for (let place = channel.places - 1; place >= 0; place--) {
      this.#free.push(place);
      this.#underWay.push(null);
    }
  }

  get ready(): boolean {
    return this.#free.length > 0;
  }

  get news(): boolean {
    return !this.#answers.empty;
  }

  begin(transfer: SwapTransfer): void {
    const place = this.#free.pop();
    if (place === undefined) throw new Error("swap: begin while no place is free");
    const { write, slots, frames } = transfer;
    this.#underWay[place] = transfer;
    if (write) {
      frames.forEach((frame, index) => {
        const at = place * this.#clusterBytes + index * PAGE_BYTES;
        this.#staging.set(this.#pool.subarray(frame, frame + PAGE_BYTES), at);
      });
    }
    const payload = new Uint8Array(Int32Array.from(slots).buffer);
    // The rings have room for all places at once.
    if (!this.#requests.write(write ? SWAP_WRITE : SWAP_READ, place, 0, payload)) {
      throw new Error("swap: the ring is full although a place was free");
    }
    this.#bell.ring();
    if (Atomics.exchange(this.#words, SWAP_WANTED, 1) === 0) this.#hostBell.ring();
  }

  poll(ended: (transfer: SwapTransfer, status: number) => void): void {
    const answers = this.#answers;
    while (answers.next()) {
      const { kind, subject } = answers;
      const transfer = this.#underWay[subject];
      if (!transfer) throw new Error(`swap: an answer about place ${subject}, which is free`);
      if (answers.length > 0) transfer.error = new TextDecoder().decode(answers.copy());
      answers.release();
      if (!transfer.write && kind === 0) {
        transfer.frames.forEach((frame, index) => {
          const at = subject * this.#clusterBytes + index * PAGE_BYTES;
          this.#pool.set(this.#staging.subarray(at, at + PAGE_BYTES), frame);
        });
      }
      this.#underWay[subject] = null;
      this.#free.push(subject);
      ended(transfer, kind);
    }
  }
}
