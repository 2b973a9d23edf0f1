/**
 * How often an address may come without a right token: then it is answered 429, which costs nothing and
 * fills no log. Bounded: the addresses that failed longest ago are forgotten. A right token is always
 * let through: it cannot be guessed, and clients behind one address do not lock each other out.
 */

import { TokenBucket } from "../../../devices/token_bucket.ts";

const ADDRESSES_MAXIMUM = 10_000;

export class FailureLimit {
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #rate: number;
  readonly #burst: number;

  /** `rate` per second in the long run, `burst` at once. */
  constructor({ rate = 0.2, burst = 20 }: { rate?: number; burst?: number } = {}) {
    this.#rate = rate;
    this.#burst = burst;
  }

  /** Counts a failure; seconds until the next is heard, 0 if this one is. */
  failed(address: string): number {
    const now = performance.now() * 1000;
    const bucket = this.#buckets.get(address) ?? new TokenBucket(this.#rate, this.#burst);
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > ADDRESSES_MAXIMUM) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    if (bucket.take(now)) return 0;
    return Math.max(1, Math.ceil((bucket.readyAt(now) - now) / 1e6));
  }
}
