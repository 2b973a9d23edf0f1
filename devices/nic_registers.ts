/**
 * The registers of a NIC that is driven as the NICs of the PC were: a dozen accesses for each frame.
 *
 * It exists to measure what a NIC of one operation per frame is worth. What moves through it are the
 * same frames in the same queues (devices/nic.ts); this is only the card's side of the protocol, which
 * kernel/abi.ts describes. Every method returns false, with no effect, for an access out of order.
 */

import { FRAME_MAXIMUM, FRAME_MINIMUM } from "./frame.ts";

/** Pages of the card's memory, of which received frames take one after the other. */
const PAGES = 64;

export class NicRegisters {
  /** The frame that is being moved to the card. */
  readonly buffer = new Uint8Array(FRAME_MAXIMUM);
  /** NIC_FLAG_MOVED. */
  moved = false;
  #page1 = false;
  #address = 0;
  #count = 0;
  #moving: "none" | "read" | "write" = "none";
  /** Bytes in `buffer` that are to be sent. */
  #loaded = 0;
  #nextPage = 0;

  selectPage(page: 0 | 1): boolean {
    this.#page1 = page === 1;
    return true;
  }

  setAddress(byte: number, shift: 0 | 8): boolean {
    if (this.#page1) return false;
    this.#address = this.#address & ~(0xff << shift) | (byte & 0xff) << shift;
    return true;
  }

  setCount(byte: number, shift: 0 | 8): boolean {
    if (this.#page1) return false;
    this.#count = this.#count & ~(0xff << shift) | (byte & 0xff) << shift;
    return true;
  }

  /** A byte of the length of the next frame; -1: out of order. */
  lengthByte(frame: Uint8Array | null, shift: 0 | 8): number {
    return this.#page1 ? -1 : (frame?.length ?? 0) >> shift & 0xff;
  }

  /** Page of the next frame; -1: out of order. */
  get page(): number {
    return this.#page1 ? this.#nextPage : -1;
  }

  /** READ and WRITE. */
  begin(moving: "read" | "write"): boolean {
    const sized = this.#count >= FRAME_MINIMUM && this.#count <= FRAME_MAXIMUM;
    if (this.#page1 || (moving === "write" && !sized)) return false;
    this.#moving = moving;
    this.moved = false;
    return true;
  }

  /** `length` bytes may now be moved to the card. */
  mayWrite(length: number): boolean {
    return this.#moving === "write" && length === this.#count;
  }

  get mayRead(): boolean {
    return this.#moving === "read" && this.#address >> 8 === this.#nextPage;
  }

  /** The bytes were moved. */
  end(): void {
    this.#loaded = this.#moving === "write" ? this.#count : 0;
    this.#moving = "none";
    this.moved = true;
  }

  /** A frame is in the card, to be sent. */
  get loaded(): boolean {
    return this.#loaded > 0;
  }

  /** The frame that SEND sends; null: out of order. */
  take(): Uint8Array | null {
    if (this.#loaded === 0) return null;
    const frame = this.buffer.subarray(0, this.#loaded);
    this.#loaded = 0;
    return frame;
  }

  /** A received frame's page is given back. */
  advance(): void {
    this.#nextPage = (this.#nextPage + 1) % PAGES;
  }
}
