/**
 * What the supervisor sends to a cell: records for which the ring has no room wait here, in order.
 *
 * The cell rings when it made room, and `flush` has to be called then.
 */

import { type Doorbell, RingWriter } from "../../devices/ring.ts";
import { INBOX_WAIT } from "./protocol.ts";

export interface InboxRecord {
  readonly kind: number;
  readonly subject: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export class CellInbox {
  readonly #ring: RingWriter;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bell: Doorbell;
  readonly #queue: InboxRecord[] = [];
  #rings = false;

  /** `words` are the status words, `bell` the cell's. */
  constructor(buffer: SharedArrayBuffer, words: Int32Array<SharedArrayBuffer>, bell: Doorbell) {
    this.#ring = new RingWriter(buffer);
    this.#words = words;
    this.#bell = bell;
  }

  /** Largest payload that may be sent, bytes. */
  get payloadMaximum(): number {
    return this.#ring.payloadMaximum;
  }

  send(record: InboxRecord): void {
    this.#queue.push(record);
    this.flush();
  }

  /** Writes what waits as far as there is room. */
  flush(): void {
    while (this.#queue.length > 0) {
      // The flag goes up before the last try, so that room made in between is not missed.
      if (!this.#writeFirst()) {
        Atomics.store(this.#words, INBOX_WAIT, 1);
        if (!this.#writeFirst()) return;
      }
    }
  }

  /** One wake-up for all that is written in this turn. */
  ringSoon(): void {
    if (this.#rings) return;
    this.#rings = true;
    queueMicrotask(() => {
      this.#rings = false;
      this.#bell.ring();
    });
  }

  /** The cell is over: nothing more is sent. */
  close(): void {
    this.#queue.length = 0;
  }

  #writeFirst(): boolean {
    const { kind, subject, sequence, payload } = this.#queue[0];
    if (!this.#ring.write(kind, subject, sequence, payload)) return false;
    this.#queue.shift();
    this.ringSoon();
    return true;
  }
}
