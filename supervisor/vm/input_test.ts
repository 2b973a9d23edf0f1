import { assertEquals, assertThrows } from "@std/assert";
import { RequestError } from "../request_error.ts";
import { typeInput } from "./input.ts";
import type { VmRecord } from "./record.ts";

Deno.test("what is typed for a VM that never reads is bounded, however small the pieces are", async () => {
  const never = new Promise<never>(() => {});
  const vm = { inputBytes: 0, input: Promise.resolve(), cell: { request: () => never } };
  const record = vm as unknown as VmRecord;
  let pieces = 0;
  assertThrows(
    () => {
      for (; pieces < 10_000; pieces++) typeInput(record, Uint8Array.of(1));
    },
    RequestError,
    "wait for VM",
  );
  assertEquals(pieces, Math.floor(64 * 1024 / 65));
  // Nothing waits with what waits: it would be kept as long as that.
  for (let n = 0; n < 10_000; n++) await typeInput(record, new Uint8Array(0));
});
