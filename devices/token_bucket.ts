/**
 * A token bucket: a long-run rate with a bounded burst.
 *
 * It has no timer: the tokens that time has brought are counted when one is asked for, so that a
 * bucket which nobody uses costs nothing. Times are microseconds that never decrease.
 */

/** Credit is counted in millionths of a token, so that it stays an integer at integer times. */
const TOKEN = 1e6;

export class TokenBucket {
  #credit: number;
  #counted = 0;

  /** `rate` in tokens per second, `burst` in tokens; both above 0. A new bucket is full. */
  constructor(readonly rate: number, readonly burst: number) {
    this.#credit = burst * TOKEN;
  }

  /** Takes one token at time `now`; false if there is none. */
  take(now: number): boolean {
    if (this.readyAt(now) > now) return false;
    this.#credit -= TOKEN;
    return true;
  }

  /** When there is a whole token: `now` or later. */
  readyAt(now: number): number {
    const fresh = (now - this.#counted) * this.rate;
    this.#credit = Math.min(this.burst * TOKEN, this.#credit + fresh);
    this.#counted = now;
    // A bucket whose burst is less than a token is as good as full.
    const missing = Math.min(TOKEN, this.burst * TOKEN) - this.#credit;
    return missing > 0 ? Math.max(Math.ceil(now + missing / this.rate), now + 1) : now;
  }

  /** Takes tokens that need not be there: what is missing is owed. Call after `readyAt(now)`. */
  spend(tokens: number): void {
    this.#credit -= tokens * TOKEN;
  }
}
