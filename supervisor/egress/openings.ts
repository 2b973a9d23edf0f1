/**
 * How often a VM may have a socket of this machine opened: that costs the supervisor's thread, which carries the
 * frames of all VMs, some hundred microseconds each time, and the VM one frame.
 */

import { TokenBucket } from "../../devices/token_bucket.ts";

export class Openings {
  readonly #buckets = new Map<number, TokenBucket>();

  /** `rate` per second in the long run, `burst` at once. `now`: microseconds that never decrease. */
  constructor(
    readonly rate: number,
    readonly burst: number,
    readonly now: () => number = () => performance.now() * 1000,
  ) {}

  /** Whether the VM may have another one opened now. */
  take(vm: number): boolean {
    let bucket = this.#buckets.get(vm);
    if (bucket === undefined) {
      this.#buckets.set(vm, bucket = new TokenBucket(this.rate, this.burst));
    }
    return bucket.take(this.now());
  }

  /** The VM has ended. */
  forget(vm: number): void {
    this.#buckets.delete(vm);
  }
}
