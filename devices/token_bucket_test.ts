import { assertEquals } from "@std/assert";
import { TokenBucket } from "./token_bucket.ts";

/** How many of `wanted` tokens the bucket gives at this moment. */
function takeAt(bucket: TokenBucket, now: number, wanted: number): number {
  let taken = 0;
  for (let i = 0; i < wanted; i++) if (bucket.take(now)) taken++;
  return taken;
}

Deno.test("a bucket gives its burst at once and its rate afterwards", () => {
  const bucket = new TokenBucket(100, 5);
  assertEquals(takeAt(bucket, 0, 10), 5);
  assertEquals(takeAt(bucket, 9_000, 10), 0);
  assertEquals(takeAt(bucket, 10_000, 10), 1);
  assertEquals(takeAt(bucket, 1_010_000, 10), 5);
});

Deno.test("asking too early does not lose the part of a token that has come", () => {
  const bucket = new TokenBucket(100, 1);
  assertEquals(takeAt(bucket, 0, 1), 1);
  for (let now = 1_000; now < 10_000; now += 1_000) assertEquals(takeAt(bucket, now, 1), 0);
  assertEquals(takeAt(bucket, 10_001, 1), 1);
});
