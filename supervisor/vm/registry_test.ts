import { assertEquals, assertThrows } from "@std/assert";
import { RequestError } from "../request_error.ts";
import type { VmRecord } from "./record.ts";
import { VmRegistry } from "./registry.ts";

Deno.test("a number whose address is in use is left out, and a full pool is refused", () => {
  const registry = new VmRegistry(3);
  const add = () => {
    const vm = registry.identify(undefined) as VmRecord;
    registry.add(vm);
    return vm;
  };
  const [first, second, third] = [add(), add(), add()];
  assertThrows(() => registry.identify(undefined), RequestError, "all 3 addresses");
  registry.delete(second);
  // 4 would have the address of 1.
  assertEquals(add().id, 5);
  registry.delete(third);
  registry.delete(first);
  assertEquals([add().id, add().id], [6, 7]);
});
