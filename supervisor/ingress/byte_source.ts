/**
 * What a VM sends, as lines and pieces: the bytes of a connection and those of them that were read and
 * not used yet.
 *
 * Nothing is copied. A line is at most as long as the caller says, ends with CRLF and holds no other
 * CR or LF: whatever else a VM sends is refused, because two readers could take it for two things.
 */

export interface Readable {
  /** The next bytes; null at their end. */
  read(): Promise<Uint8Array | null>;
}

/** The VM sent something that is not HTTP. */
export class ProtocolError extends Error {}

const LF = 10, CR = 13;
const EMPTY = new Uint8Array(0);

export class ByteSource {
  readonly #from: Readable;
  #bytes: Uint8Array = EMPTY;
  #ended = false;

  constructor(from: Readable) {
    this.#from = from;
  }

  /** Nothing was read that was not used. */
  get empty(): boolean {
    return this.#bytes.length === 0;
  }

  /** No more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Reads more; false at the end. */
  async fill(): Promise<boolean> {
    const more = await this.#from.read();
    if (more === null) {
      this.#ended = true;
      return false;
    }
    if (this.#bytes.length === 0) {
      this.#bytes = more;
    } else {
      const both = new Uint8Array(this.#bytes.length + more.length);
      both.set(this.#bytes);
      both.set(more, this.#bytes.length);
      this.#bytes = both;
    }
    return true;
  }

  /**
   * The next line without its end, one character per byte, if all of it was read; else undefined. Throws
   * a ProtocolError for one of more than `most` bytes.
   */
  line(most: number): string | undefined {
    const end = this.#bytes.indexOf(LF);
    if ((end < 0 ? this.#bytes.length : end) > most + 1) {
      throw new ProtocolError(`a line has more than ${most} bytes`);
    }
    if (end < 0) return undefined;
    if (end === 0 || this.#bytes[end - 1] !== CR) {
      throw new ProtocolError("a line does not end with CRLF");
    }
    const line = latin1(this.#bytes.subarray(0, end - 1));
    this.#bytes = this.#bytes.subarray(end + 1);
    if (line.includes("\r")) throw new ProtocolError("there is a CR within a line");
    return line;
  }

  /** Up to `most` bytes that were read; undefined if there are none. */
  piece(most: number): Uint8Array | undefined {
    const { length } = this.#bytes;
    if (length === 0) return undefined;
    const piece = length <= most ? this.#bytes : this.#bytes.subarray(0, most);
    this.#bytes = length <= most ? EMPTY : this.#bytes.subarray(most);
    return piece;
  }
}

/** One character per byte; TextDecoder's "latin1" is windows-1252. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}
