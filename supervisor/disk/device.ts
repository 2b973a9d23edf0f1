/** The cell's side of its disks: the kernel's DiskDevice over the channel to the disk worker. */

import { Doorbell, RingReader, RingWriter } from "../../devices/ring.ts";
import { StagingArea } from "../../devices/staging.ts";
import type { DiskDevice, DiskTransfer } from "../../kernel/disk_device.ts";
import {
  BLOCK_BYTES,
  DISK_BELL,
  type DiskChannel,
  REQUEST_WORDS,
  SLOTS,
  STAGING_BLOCKS,
} from "./channel.ts";

interface UnderWay {
  readonly transfer: DiskTransfer;
  readonly place: number;
}

export class ChannelDiskDevice implements DiskDevice {
  readonly staging: Uint8Array;
  readonly #area = new StagingArea(STAGING_BLOCKS);
  readonly #requests: RingWriter;
  readonly #answers: RingReader;
  readonly #bell: Doorbell;
  readonly #slots: (UnderWay | null)[] = new Array(SLOTS).fill(null);
  readonly #free = Array.from({ length: SLOTS }, (_, index) => SLOTS - 1 - index);
  readonly #words = new Int32Array(REQUEST_WORDS);
  readonly #payload = new Uint8Array(this.#words.buffer);

  constructor(channel: DiskChannel) {
    this.staging = new Uint8Array(channel.staging);
    this.#requests = new RingWriter(channel.requests);
    this.#answers = new RingReader(channel.answers);
    this.#bell = new Doorbell(new Int32Array(channel.status), DISK_BELL);
  }

  get news(): boolean {
    return !this.#answers.empty;
  }

  reserve(blocks: number): number {
    if (this.#free.length === 0) return -1;
    if (blocks === 0) return 0;
    const first = this.#area.take(blocks);
    return first < 0 ? -1 : first * BLOCK_BYTES;
  }

  cancel(place: number, blocks: number): void {
    this.#area.give(place / BLOCK_BYTES, blocks);
  }

  begin(place: number, transfer: DiskTransfer): void {
    const slot = this.#free.pop();
    if (slot === undefined) throw new Error("disks: begin without a place");
    this.#slots[slot] = { transfer, place };
    const { operation, handle, block, count } = transfer;
    this.#words[0] = block;
    this.#words[1] = count;
    this.#words[2] = place / BLOCK_BYTES;
    if (!this.#requests.write(operation, slot, handle, this.#payload)) {
      throw new Error("disks: the ring is full although a slot was free");
    }
    this.#bell.ring();
  }

  poll(ended: (transfer: DiskTransfer, place: number, status: number) => void): void {
    const answers = this.#answers;
    while (answers.next()) {
      const { kind, subject } = answers;
      answers.release();
      const underWay = this.#slots[subject];
      if (!underWay) throw new Error(`disks: an answer about slot ${subject}, which is free`);
      this.#slots[subject] = null;
      this.#free.push(subject);
      const { transfer, place } = underWay;
      ended(transfer, place, kind);
      this.#area.give(place / BLOCK_BYTES, transfer.count);
    }
  }
}
