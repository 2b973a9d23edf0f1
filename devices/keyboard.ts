/**
 * Keyboard input of one VM: a bounded queue of bytes that the operator fills and the guest empties.
 * Memory is used only while bytes wait.
 */

/** Most bytes that wait. */
export const KEYBOARD_QUEUE_BYTES = 4096;

const NO_BYTES = new Uint8Array(0);

export class Keyboard {
  #ring: Uint8Array = NO_BYTES;
  #first = 0;
  #count = 0;
  #closed = false;

  /** Bytes that wait. */
  get waiting(): number {
    return this.#count;
  }

  /** True once no more input will come. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Queues as many bytes as there is room for; returns how many. After `close` that is 0. */
  push(bytes: Uint8Array): number {
    if (this.#closed || bytes.length === 0) return 0;
    const count = Math.min(bytes.length, KEYBOARD_QUEUE_BYTES - this.#count);
    if (this.#ring.length === 0) this.#ring = new Uint8Array(KEYBOARD_QUEUE_BYTES);
    for (let i = 0; i < count; i++) {
      this.#ring[(this.#first + this.#count + i) % KEYBOARD_QUEUE_BYTES] = bytes[i];
    }
    this.#count += count;
    return count;
  }

  close(): void {
    this.#closed = true;
  }

  /** Moves up to `length` bytes to `target[0..]`; returns how many. */
  take(target: Uint8Array, length: number): number {
    const count = Math.min(length, this.#count);
    for (let i = 0; i < count; i++) {
      target[i] = this.#ring[(this.#first + i) % KEYBOARD_QUEUE_BYTES];
    }
    this.#first = (this.#first + count) % KEYBOARD_QUEUE_BYTES;
    this.#count -= count;
    if (this.#count === 0) {
      this.#ring = NO_BYTES;
      this.#first = 0;
    }
    return count;
  }
}
