import { assertEquals } from "@std/assert";
import { lines, vmMetrics, VMS_MAXIMUM } from "./metrics.ts";
import type { VmRow } from "../cell/protocol.ts";
import type { VmRecord } from "../vm/record.ts";

Deno.test("metrics show ten thousand VMs and no more, each with every metric", () => {
  const rows = Array.from({ length: VMS_MAXIMUM + 500 }, (_, index): VmRow => ({
    id: index + 1,
    state: "idle",
    waits: null,
    instructions: index,
    quanta: 1,
    residentPages: 1,
    swappedPages: 0,
    faults: 0,
  }));
  // One has gone since the rows were read.
  const record = (id: number) =>
    id === 7 ? undefined : { name: `vm-${id}`, restarts: 0 } as VmRecord;
  const text = [...lines(vmMetrics({ record }, rows))];
  const metrics = text.filter((line) => line.startsWith("# "));
  assertEquals(text.length - metrics.length, metrics.length * VMS_MAXIMUM);
  assertEquals(text.filter((line) => line.includes('vm="7"')), []);
});
