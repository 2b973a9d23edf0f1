/**
 * How many frames and bytes per second may pass one direction of a NIC.
 *
 * A frame may pass when a whole token is there, and what it has more bytes than that is owed: so a
 * burst smaller than a frame delays frames and never holds one for ever.
 */

import type { TokenBucket } from "./token_bucket.ts";

export class RateLimit {
  constructor(readonly frames: TokenBucket | null, readonly bytes: TokenBucket | null) {}

  /** When the next frame may pass: `now` (microseconds) or later. */
  readyAt(now: number): number {
    return Math.max(this.frames?.readyAt(now) ?? now, this.bytes?.readyAt(now) ?? now);
  }

  /** A frame passes, or one that stands for several. Call after `readyAt(now)`. */
  spend(bytes: number, frames = 1): void {
    this.frames?.spend(frames);
    this.bytes?.spend(bytes);
  }
}
