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

Deno.test("tokens that are owed are waited for, and the bucket says when", () => {
  const bucket = new TokenBucket(1000, 10);
  assertEquals(bucket.readyAt(0), 0);
  bucket.spend(30);
  assertEquals(bucket.readyAt(0), 21_000);
  assertEquals(bucket.readyAt(20_999), 21_000);
  assertEquals(bucket.readyAt(21_000), 21_000);
  assertEquals(takeAt(bucket, 21_000, 5), 1);
});

Deno.test("a burst below one token holds nothing for ever", () => {
  const bucket = new TokenBucket(10, 0.5);
  bucket.spend(1);
  const at = bucket.readyAt(0);
  assertEquals(at, 100_000);
  assertEquals(bucket.readyAt(at), at);
});
