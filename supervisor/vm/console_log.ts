/**
 * The last of what a VM wrote to its console, and those who follow it.
 *
 * Bounded: the history keeps the last HISTORY_BYTES, and a follower who does not keep up is cut off
 * rather than allowed to hold the VM back or to fill the supervisor's memory.
 */

import { RequestError } from "../request_error.ts";

const HISTORY_BYTES = 64 * 1024;
const FOLLOWER_BYTES = 1024 * 1024;
const FOLLOWERS_MAXIMUM = 64;
/** What a piece counts besides its bytes: so much memory it takes at least. */
const PIECE_COST = 128;

export class ConsoleLog {
  /** Bytes written since the VM was created. */
  written = 0;
  /** Grows to HISTORY_BYTES: most consoles never say much. */
  #history = new Uint8Array(256);
  /** Once it is full it is a ring: the oldest byte is here. */
  #start = 0;
  #length = 0;
  #live = true;
  readonly #followers = new Set<ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>>();

  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.written += bytes.length;
    this.#remember(bytes);
    for (const follower of this.#followers) {
      follower.enqueue(bytes);
      if ((follower.desiredSize ?? 0) < 0) {
        this.#followers.delete(follower);
        follower.error(new Error(`console: the reader is ${FOLLOWER_BYTES} bytes behind`));
      }
    }
  }

  /** A copy of what is remembered. */
  history(): Uint8Array<ArrayBuffer> {
    const history = new Uint8Array(this.#length);
    const older = this.#history.subarray(this.#start, this.#start + this.#length);
    history.set(older);
    history.set(this.#history.subarray(0, this.#length - older.length), older.length);
    return history;
  }

  /**
   * What is remembered and all that comes, until the VM ends. Throws a RequestError while too many
   * others follow: each byte that the VM writes is handed to every one of them.
   */
  follow(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#followers.size >= FOLLOWERS_MAXIMUM) {
      const many = `${this.#followers.size} others follow this console`;
      throw new RequestError("follow", many, "one of them to leave first", 429);
    }
    let follower: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
    return new ReadableStream({
      start: (controller) => {
        follower = controller;
        if (this.#length > 0) controller.enqueue(this.history());
        if (this.#live) this.#followers.add(controller);
        else controller.close();
      },
      cancel: () => {
        this.#followers.delete(follower);
      },
    }, { highWaterMark: FOLLOWER_BYTES, size: (bytes) => bytes.length + PIECE_COST });
  }

  /** False: no more will come until it is set again; every follower's stream ends. */
  set live(live: boolean) {
    this.#live = live;
    if (live) return;
    for (const follower of this.#followers) follower.close();
    this.#followers.clear();
  }

  /** Costs what the bytes cost, however much is remembered. */
  #remember(bytes: Uint8Array): void {
    const tail = bytes.subarray(Math.max(0, bytes.length - HISTORY_BYTES));
    const length = Math.min(HISTORY_BYTES, this.#length + tail.length);
    if (length > this.#history.length) this.#grow(length);
    const size = this.#history.length;
    const end = (this.#start + this.#length) % size;
    const first = tail.subarray(0, size - end);
    this.#history.set(first, end);
    this.#history.set(tail.subarray(first.length), 0);
    const lost = this.#length + tail.length - length;
    this.#start = (this.#start + lost) % size;
    this.#length = length;
  }

  /** Nothing was lost before it has all its HISTORY_BYTES, so what is there starts at 0. */
  #grow(length: number): void {
    const grown = new Uint8Array(Math.min(HISTORY_BYTES, 2 ** Math.ceil(Math.log2(length))));
    grown.set(this.#history.subarray(0, this.#length));
    this.#history = grown;
  }
}
