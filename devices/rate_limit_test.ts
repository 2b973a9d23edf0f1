import { assert } from "@std/assert";
import { RateLimit } from "./rate_limit.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Frames of `size` bytes that pass in `seconds`, when there is always one that waits. */
function passed(limit: RateLimit, size: number, seconds: number): number {
  let frames = 0;
  for (let now = 0; (now = limit.readyAt(now)) < seconds * 1e6; frames++) limit.spend(size);
  return frames;
}

function assertAbout(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) <= 1, `expected about ${expected} frames, got ${actual}`);
}

Deno.test("frames and bytes per second both hold, whichever is less", () => {
  const frames = () => new TokenBucket(100, 10);
  const bytes = () => new TokenBucket(100_000, 5000);
  assertAbout(passed(new RateLimit(frames(), null), 1514, 10), 1010);
  assertAbout(passed(new RateLimit(null, bytes()), 1000, 10), 1005);
  assertAbout(passed(new RateLimit(frames(), bytes()), 100, 10), 1010);
  assertAbout(passed(new RateLimit(frames(), bytes()), 1000, 10), 1005);
});

Deno.test("frames larger than the burst pass, at the rate", () => {
  assertAbout(passed(new RateLimit(null, new TokenBucket(15_140, 100)), 1514, 10), 100);
});
