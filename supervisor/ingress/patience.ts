/**
 * How long exchanges may take, and whether their clients are still there.
 *
 * One timer looks at all exchanges under way, so that the many which are over in a millisecond cost
 * neither a timer nor a listener of their client's signal.
 */

/** Between two looks, at most: what a client that hangs up costs its VM. */
const LOOK_MS = 100;

export interface Watched {
  /** Of the client. */
  readonly signal: AbortSignal;
  /** The VM did not answer for `milliseconds` (of firstByteTimeoutMs), or the client hung up. */
  late(milliseconds: number): void;
  gone(): void;
}

/** One exchange while it is under way. */
export class Watch {
  /** Of performance.now: when something was last heard; Infinity: it may take its time. */
  heardAt = performance.now();
  /** Set by Patience only: its place among all. */
  index = -1;
  #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.watched.gone();

  constructor(readonly watched: Watched) {}

  /** Listens to the client's signal from now on. */
  listen(): void {
    if (this.#signal !== undefined) return;
    this.#signal = this.watched.signal;
    if (this.#signal.aborted) return this.watched.gone();
    this.#signal.addEventListener("abort", this.#onAbort);
  }

  unlisten(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

export class Patience {
  readonly #milliseconds: number;
  /**
   * Not a Set: V8 keeps a Set's former tables, once old, and all that stood in them until the next full
   * collection.
   */
  readonly #watches: Watch[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `milliseconds`: silence after which an exchange is late. */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  begin(watched: Watched): Watch {
    const watch = new Watch(watched);
    watch.index = this.#watches.push(watch) - 1;
    this.#arm();
    return watch;
  }

  end(watch: Watch): void {
    const { index } = watch;
    if (index < 0) return;
    watch.index = -1;
    const last = this.#watches.pop()!;
    if (last !== watch) {
      this.#watches[index] = last;
      last.index = index;
    }
    watch.unlisten();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const watch of [...this.#watches]) this.end(watch);
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => this.#look(), Math.min(LOOK_MS, this.#milliseconds / 2));
  }

  #look(): void {
    this.#timer = undefined;
    const due = performance.now() - this.#milliseconds;
    for (const watch of [...this.#watches]) {
      if (watch.index < 0) continue;
      watch.listen();
      if (watch.heardAt <= due) watch.watched.late(this.#milliseconds);
    }
    if (this.#watches.length > 0) this.#arm();
  }
}
