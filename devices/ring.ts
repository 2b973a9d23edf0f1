/**
 * A ring of records between two threads: one writes, one reads, neither waits for a lock.
 *
 * The two sides do not trust each other. A cell runs guest code, so whatever lies in the shared
 * buffer may be nonsense: each side keeps its own position privately, bounds everything it reads
 * from the other by the size it was constructed with, and throws RingCorruption instead of following
 * a bad length. The reader still has to treat a payload as bytes that may change under it, and must
 * copy what it checks before it uses it.
 *
 *     word 0   head: bytes ever written, modulo 2^32   (only the writer stores it)
 *     word 16  tail: bytes ever read, modulo 2^32      (only the reader stores it; own cache line)
 *     byte 128 data, a power of two
 *
 * A record is a header of four words (payload bytes, kind, subject, sequence) and its payload, padded
 * to 8 bytes. It never wraps: what is left at the end of the data is skipped by a filler, which is
 * why a record may take at most half of the data.
 *
 * Rules for callers:
 * - Exactly one writer and one reader per buffer.
 * - `write` makes a record visible but wakes nobody: ring the reader's doorbell after a batch.
 * - `payload()` and `offset` are valid until `release()`.
 */

const HEAD = 0;
const TAIL = 16;
const DATA_BYTES = 128;
const HEADER_BYTES = 16;
/** Kind of the filler that skips the end of the data; not available to callers. */
const FILLER = -1;

/** The other side of a ring, or something that writes over it, broke the rules of this file. */
export class RingCorruption extends Error {
  override readonly name = "RingCorruption";
}

/** A zeroed buffer for a ring with `capacity` bytes of data: a power of two from 64 to 2^30. */
export function createRing(capacity: number): SharedArrayBuffer {
  if (!isCapacity(capacity)) {
    throw new RangeError(`ring capacity: expected a power of two from 64 to 2^30, got ${capacity}`);
  }
  return new SharedArrayBuffer(DATA_BYTES + capacity);
}

function isCapacity(bytes: number): boolean {
  return bytes >= 64 && bytes <= 1 << 30 && (bytes & (bytes - 1)) === 0;
}

function capacityOf(buffer: SharedArrayBuffer): number {
  const capacity = buffer.byteLength - DATA_BYTES;
  if (!isCapacity(capacity)) {
    throw new RangeError(
      `ring buffer: expected one made by createRing, got ${buffer.byteLength} bytes`,
    );
  }
  return capacity;
}

/** Bytes a record with this payload takes in the data, header and padding included. */
function recordBytes(length: number): number {
  return HEADER_BYTES + ((length + 7) & ~7);
}

/** Largest payload of one record in a ring of this capacity, bytes. */
function ringPayloadMaximum(capacity: number): number {
  return capacity / 2 - HEADER_BYTES;
}

export class RingWriter {
  /** Largest payload `write` can ever take, bytes. */
  readonly payloadMaximum: number;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #head: number;

  /** Goes on where the ring stands; the other side may already be reading. */
  constructor(buffer: SharedArrayBuffer) {
    this.#capacity = capacityOf(buffer);
    this.payloadMaximum = ringPayloadMaximum(this.#capacity);
    this.#words = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer, DATA_BYTES);
    this.#head = Atomics.load(this.#words, HEAD);
  }

  /** Bytes of the data that can wait. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Bytes of the data that wait to be read. Throws RingCorruption. */
  get used(): number {
    const used = (this.#head - Atomics.load(this.#words, TAIL)) | 0;
    if (used < 0 || used > this.#capacity || (used & 7) !== 0) {
      throw new RingCorruption(
        `ring tail: expected 0..${this.#capacity} bytes in use, got ${used}`,
      );
    }
    return used;
  }

  /**
   * Appends a record; false if there is no room now. `kind` is 0..2^31-1, `subject` and `sequence`
   * are any int32. Throws RangeError for a payload that can never fit, RingCorruption for a bad tail.
   */
  write(
    kind: number,
    subject: number,
    sequence: number,
    payload: Uint8Array,
    start = 0,
    end = payload.length,
  ): boolean {
    const length = end - start;
    if (length > this.payloadMaximum || length < 0 || kind < 0) {
      throw new RangeError(
        `ring record: expected kind >= 0 and 0..${this.payloadMaximum} bytes, got kind ${kind} and ${length}`,
      );
    }
    const size = recordBytes(length);
    const at = this.#head & (this.#capacity - 1);
    const toEnd = this.#capacity - at;
    const skip = toEnd < size ? toEnd : 0;
    if (this.used + skip + size > this.#capacity) return false;
    if (skip !== 0) {
      // Positions are multiples of 8, so the end of the data may hold only half a header.
      const filler = (DATA_BYTES + at) >> 2;
      this.#words[filler] = skip - 8;
      this.#words[filler + 1] = FILLER;
    }
    const target = skip === 0 ? at : 0;
    const word = (DATA_BYTES + target) >> 2;
    this.#words[word] = length;
    this.#words[word + 1] = kind;
    this.#words[word + 2] = subject;
    this.#words[word + 3] = sequence;
    copy(this.#bytes, target + HEADER_BYTES, payload, start, length);
    this.#head = (this.#head + skip + size) | 0;
    Atomics.store(this.#words, HEAD, this.#head);
    return true;
  }
}

/** Short payloads by hand: `set(subarray)` allocates a view, which costs more than it saves. */
function copy(
  to: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  length: number,
): void {
  if (length > 64) {
    to.set(start === 0 && length === from.length ? from : from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i];
}

/**
 * Usage: `while (reader.next()) { use(reader.kind, reader.payload()); reader.release(); }`. The
 * fields belong to the record that `next` found.
 */
export class RingReader {
  kind = 0;
  subject = 0;
  sequence = 0;
  /** Bytes of payload. */
  length = 0;
  /** Where the payload starts in `bytes`. */
  offset = 0;
  /** The data of the ring. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #capacity: number;
  #tail: number;
  #size = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#capacity = capacityOf(buffer);
    this.#words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer, DATA_BYTES);
    this.#tail = Atomics.load(this.#words, TAIL);
  }

  /** Whether a record waits; cheap, checks nothing. */
  get empty(): boolean {
    return Atomics.load(this.#words, HEAD) === this.#tail;
  }

  /** Looks at the next record; false if there is none. Throws RingCorruption. */
  next(): boolean {
    if (this.#size !== 0) {
      throw new Error("ring: next() before release() of the record before");
    }
    for (;;) {
      const waiting = this.#waiting();
      if (waiting === 0) return false;
      const at = this.#tail & (this.#capacity - 1);
      const toEnd = this.#capacity - at;
      const word = (DATA_BYTES + at) >> 2;
      const length = this.#words[word];
      const kind = this.#words[word + 1];
      if (kind === FILLER) {
        if (length !== toEnd - 8 || toEnd >= waiting) this.#corrupt("filler", length, toEnd - 8);
        this.#free(toEnd);
        continue;
      }
      const most = Math.min(waiting, toEnd);
      // Compared before it is rounded up: a length near 2^31 would wrap into a small one.
      if (kind < 0 || length < 0 || length > most || recordBytes(length) > most) {
        this.#corrupt("record", length, most - HEADER_BYTES);
      }
      this.kind = kind;
      this.subject = this.#words[word + 2];
      this.sequence = this.#words[word + 3];
      this.length = length;
      this.offset = at + HEADER_BYTES;
      this.#size = recordBytes(length);
      return true;
    }
  }

  /** The payload in place: valid until `release`, and the writer's thread can still change it. */
  payload(): Uint8Array {
    return this.bytes.subarray(this.offset, this.offset + this.length);
  }

  /** A copy of the payload in memory of this thread's own. */
  copy(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.payload());
  }

  /** Gives the record's room back to the writer. */
  release(): void {
    this.#free(this.#size);
    this.#size = 0;
  }

  #free(bytes: number): void {
    this.#tail = (this.#tail + bytes) | 0;
    Atomics.store(this.#words, TAIL, this.#tail);
  }

  #waiting(): number {
    const waiting = (Atomics.load(this.#words, HEAD) - this.#tail) | 0;
    if (waiting < 0 || waiting > this.#capacity || (waiting & 7) !== 0) {
      throw new RingCorruption(
        `ring head: expected 0..${this.#capacity} bytes in use, got ${waiting}`,
      );
    }
    return waiting;
  }

  #corrupt(what: string, length: number, most: number): never {
    throw new RingCorruption(
      `ring ${what} at ${this.#tail >>> 0}: expected at most ${most} bytes, got ${length}`,
    );
  }
}

/**
 * A word that one thread sleeps on and another rings. To lose no wake-up, a sleeper reads `value`
 * first, then looks for work, and only then waits for the value to change.
 *
 * The word after it says that somebody sleeps: to wake a thread costs microseconds, to count a ring
 * that finds it awake costs nanoseconds. The sleeper sets it before it compares the value, the ringer
 * reads it after it changed the value, so one of the two always sees the other.
 */
export class Doorbell {
  constructor(readonly words: Int32Array<SharedArrayBuffer>, readonly index: number) {}

  get value(): number {
    return Atomics.load(this.words, this.index);
  }

  ring(): void {
    Atomics.add(this.words, this.index, 1);
    if (Atomics.exchange(this.words, this.index + 1, 0) !== 0) {
      Atomics.notify(this.words, this.index);
    }
  }

  /** Blocks this thread until the value is not `seen` any more, at most `milliseconds`. */
  wait(seen: number, milliseconds: number): void {
    Atomics.store(this.words, this.index + 1, 1);
    Atomics.wait(this.words, this.index, seen, milliseconds);
  }

  /** As `wait` for a thread that must not block; undefined if the value has changed already. */
  waitAsync(seen: number): Promise<unknown> | undefined {
    Atomics.store(this.words, this.index + 1, 1);
    const wait = Atomics.waitAsync(this.words, this.index, seen);
    return wait.async ? wait.value : undefined;
  }
}
