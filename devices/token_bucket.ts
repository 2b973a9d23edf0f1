/**
 * A token bucket: a long-run rate with a bounded burst.
 *
 * It has no timer: the tokens that time has brought are counted when one is asked for, so that a
 * bucket which nobody uses costs nothing.
 */

/** Credit is counted in millionths of a token, so that it stays an integer. */
const TOKEN = 1e6;

export class TokenBucket {
  #credit: number;
  #counted = 0;

  /** `rate` in tokens per second, `burst` in tokens; both above 0. A new bucket is full. */
  constructor(readonly rate: number, readonly burst: number) {
    this.#credit = burst * TOKEN;
  }

  /** Takes one token at time `now` (microseconds, never decreasing); false if there is none. */
  take(now: number): boolean {
    const fresh = (now - this.#counted) * this.rate;
    this.#credit = Math.min(this.burst * TOKEN, this.#credit + fresh);
    this.#counted = now;
    if (this.#credit < TOKEN) return false;
    this.#credit -= TOKEN;
    return true;
  }
}
