/**
 * Room beside the database that is given back when the disk is full: even to remove something takes a
 * few pages of the log, and whoever wants to make room must be able to.
 *
 * Only removals may use it. What a removal leaves of it is taken again at once, the rest when there is
 * room.
 */

const BYTES = 256 * 1024;
const PIECE = 16 * 1024;
/** Pause between two attempts to take what is missing. */
const RETRY_MS = 1000;

export class Reserve {
  readonly #path: string;
  #bytes = 0;
  #retryAt = -Infinity;

  /** `path`: of its file, which may be there from an earlier process. */
  constructor(path: string) {
    this.#path = path;
    this.take();
  }

  /** Takes as much of the room as there is, unless all of it is taken. */
  take(): void {
    if (this.#bytes >= BYTES || performance.now() < this.#retryAt) return;
    this.#retryAt = performance.now() + RETRY_MS;
    try {
      using file = Deno.openSync(this.#path, { append: true, create: true });
      this.#bytes = file.statSync().size;
      // Random, so that no file system packs it into less.
      const piece = crypto.getRandomValues(new Uint8Array(PIECE));
      while (this.#bytes < BYTES) this.#bytes += file.writeSync(piece);
    } catch {
      // The disk is full, or broken: whoever writes next is told.
    }
  }

  /** Gives the room back; false if there was none. */
  release(): boolean {
    const had = this.#bytes > 0;
    this.#bytes = 0;
    this.#retryAt = -Infinity;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // There is none.
    }
    return had;
  }
}
