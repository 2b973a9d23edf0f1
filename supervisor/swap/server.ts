/**
 * What a swap worker does: take requests, move bytes between the staging area and the file, answer.
 *
 * The file is opened at the first request and again after a failure to open it. Until then a write finds
 * no room, which the kernel tries again: a folder that is gone for a moment costs no VM its memory.
 */

import { isFull } from "../host_error.ts";
import type { Positioned } from "../positioned.ts";
import { Doorbell, RingCorruption, RingReader, RingWriter } from "../../devices/ring.ts";
import { SWAP_DONE, SWAP_FAILED, SWAP_FULL } from "../../kernel/swap_device.ts";
import {
  PAGE_BYTES,
  SWAP_BELL,
  SWAP_READ,
  SWAP_STOP,
  SWAP_WRITE,
  type SwapChannel,
} from "./channel.ts";

/** A sparse file; reading and writing throw the system's errors. */
export interface SwapFile extends Positioned {
  close(): void;
}

/** Longest text of an error that is passed on. */
const ERROR_MAXIMUM = 200;
/** Looks at the stop flag at least so often. */
const WAIT_MS = 1000;

export class SwapServer {
  readonly #channel: SwapChannel;
  readonly #open: () => SwapFile;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #requests: RingReader;
  readonly #answers: RingWriter;
  readonly #staging: Uint8Array;
  #file: SwapFile | null = null;

  /** `cellBell` is rung after answers. */
  constructor(channel: SwapChannel, readonly cellBell: Doorbell, open: () => SwapFile) {
    this.#channel = channel;
    this.#open = open;
    this.#words = new Int32Array(channel.status);
    this.#requests = new RingReader(channel.requests);
    this.#answers = new RingWriter(channel.answers);
    this.#staging = new Uint8Array(channel.staging);
  }

  /** Serves until it is told to stop. Throws a RingCorruption if the cell writes nonsense. */
  run(): void {
    const bell = new Doorbell(this.#words, SWAP_BELL);
    try {
      while (Atomics.load(this.#words, SWAP_STOP) === 0) {
        const seen = bell.value;
        if (!this.serve()) bell.wait(seen, WAIT_MS);
      }
    } finally {
      this.#file?.close();
    }
  }

  /** Serves what waits; false if nothing did. */
  serve(): boolean {
    const requests = this.#requests;
    let served = false;
    while (requests.next()) {
      const { kind, subject } = requests;
      const bytes = requests.copy();
      requests.release();
      this.#serveOne(kind, subject, bytes);
      this.cellBell.ring();
      served = true;
    }
    return served;
  }

  #serveOne(kind: number, place: number, payload: Uint8Array<ArrayBuffer>): void {
    const slots = this.#check(kind, place, payload);
    let status: number = SWAP_DONE, text = "";
    try {
      this.#file ??= this.#open();
      this.#move(kind === SWAP_WRITE, place, slots);
    } catch (error) {
      text = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_MAXIMUM);
      const full = kind === SWAP_WRITE && (this.#file === null || isFull(error));
      status = full ? SWAP_FULL : SWAP_FAILED;
    }
    if (!this.#answers.write(status, place, 0, new TextEncoder().encode(text))) {
      throw new RingCorruption(
        "swap: expected room for an answer, the cell has more requests open",
      );
    }
  }

  #check(kind: number, place: number, payload: Uint8Array<ArrayBuffer>): Int32Array {
    const { places, clusterBytes, pages } = this.#channel;
    const count = payload.length >>> 2;
    const slots = new Int32Array(payload.buffer, 0, count);
    const sane = (kind === SWAP_READ || kind === SWAP_WRITE) && place >= 0 && place < places &&
      count >= 1 && count <= clusterBytes / PAGE_BYTES &&
      slots.every((slot, index) =>
        slot >= 0 && slot < pages && (index === 0 || slot > slots[index - 1])
      );
    if (sane) return slots;
    throw new RingCorruption(`swap: expected a request, got kind ${kind} for place ${place}`);
  }

  /** Moves runs of neighbouring slots by one operation each. */
  #move(write: boolean, place: number, slots: Int32Array): void {
    const base = place * this.#channel.clusterBytes;
    for (let first = 0; first < slots.length;) {
      let end = first + 1;
      while (end < slots.length && slots[end] === slots[end - 1] + 1) end++;
      const buffer = this.#staging.subarray(base + first * PAGE_BYTES, base + end * PAGE_BYTES);
      this.#moveRun(write, buffer, slots[first] * PAGE_BYTES);
      first = end;
    }
  }

  #moveRun(write: boolean, buffer: Uint8Array, position: number): void {
    const file = this.#file!;
    for (let done = 0; done < buffer.length;) {
      const rest = buffer.subarray(done);
      const count = write ? file.write(rest, position + done) : file.read(rest, position + done);
      if (count <= 0) {
        const what = write ? "written" : "read";
        throw new Error(
          `expected ${buffer.length} bytes at ${position} to be ${what}, ${done} were`,
        );
      }
      done += count;
    }
  }
}
