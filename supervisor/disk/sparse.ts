/**
 * Files in which blocks of zeros take no room: they are skipped where a file is written.
 */

import { BLOCK_BYTES } from "./channel.ts";

/** Bytes that are read or written at once. */
const PIECE = 64 * BLOCK_BYTES;

/** Writes a file from its beginning. */
export class SparseWriter {
  readonly #file: Deno.FsFile;
  readonly #piece = new Uint8Array(PIECE);
  #filled = 0;
  #written = 0;

  /** A file that is new: what is skipped reads as zeros. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#written + this.#filled;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const count = Math.min(bytes.length - done, PIECE - this.#filled);
      this.#piece.set(bytes.subarray(done, done + count), this.#filled);
      this.#filled += count;
      done += count;
      if (this.#filled === PIECE) await this.#flush();
    }
  }

  /** Writes what is left and gives the file its size, at least what was written, and makes it durable. */
  async end(size: number): Promise<void> {
    await this.#flush();
    await this.#file.truncate(size);
    await this.#file.sync();
  }

  async #flush(): Promise<void> {
    const end = this.#filled;
    for (let at = 0; at < end;) {
      let run = at;
      while (run < end && !isZero(this.#piece.subarray(run, run + BLOCK_BYTES), end - run)) {
        run += BLOCK_BYTES;
      }
      if (run > at) await this.#writeRun(at, Math.min(run, end));
      at = run + BLOCK_BYTES;
    }
    this.#written += end;
    this.#filled = 0;
  }

  async #writeRun(from: number, to: number): Promise<void> {
    await this.#file.seek(this.#written + from, Deno.SeekMode.Start);
    for (let done = from; done < to;) {
      done += await this.#file.write(this.#piece.subarray(done, to));
    }
  }
}

function isZero(block: Uint8Array, length: number): boolean {
  const end = Math.min(block.length, length);
  const words = new Int32Array(block.buffer, block.byteOffset, end >>> 2);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  for (let i = end & ~3; i < end; i++) if (block[i] !== 0) return false;
  return true;
}

/** The first `bytes` of an open file, which is closed at the end; fails if there are fewer. */
export function readFile(
  file: Deno.FsFile,
  bytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  return new ReadableStream({
    async pull(controller) {
      const piece = new Uint8Array(Math.min(PIECE, left));
      const count = left > 0 ? await file.read(piece) : null;
      if (count !== null) {
        left -= count;
        return controller.enqueue(piece.subarray(0, count));
      }
      file.close();
      if (left === 0) return controller.close();
      controller.error(new Error(`the file ended ${left} bytes before the disk does`));
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}
