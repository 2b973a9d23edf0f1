import { assertEquals, assertThrows } from "@std/assert";
import { RequestError } from "../request_error.ts";
import { parseResources } from "./resources.ts";

Deno.test("shares and limits are read as JSON and as text", () => {
  assertEquals(parseResources({}), {});
  assertEquals(parseResources({ cpuWeight: 200, cpus: 0.5 }), { cpuWeight: 200, cpus: 0.5 });
  assertEquals(parseResources({ cpuWeight: "1", cpus: "1" }), { cpuWeight: 1, cpus: 1 });
  assertEquals(parseResources({ cpus: null, netFrames: "none" }), { cpus: null, netFrames: null });
  assertEquals(parseResources({ netFrames: 100, netBytes: "10M:1.5M" }), {
    netFrames: { rate: 100 },
    netBytes: { rate: 10 * 2 ** 20, burst: 1.5 * 2 ** 20 },
  });
  assertEquals(parseResources({ netFrames: { rate: 5, burst: 2 } }).netFrames, {
    rate: 5,
    burst: 2,
  });
});

const WRONG: [string, unknown][] = [
  ["cpuWeight", 0],
  ["cpuWeight", 1.5],
  ["cpuWeight", null],
  ["cpuWeight", "many"],
  ["cpus", 0],
  ["cpus", 2],
  ["cpus", "-1"],
  ["netFrames", 0],
  ["netFrames", "1:2:3"],
  ["netFrames", "10K"],
  ["netBytes", "fast"],
  ["netBytes", ":1"],
  ["netBytes", { rate: 1000, burst: null }],
  ["netBytes", { rate: 1000, brust: 1 }],
];

for (const [index, [field, value]] of WRONG.entries()) {
  Deno.test(`a request with ${field}, number ${index}, is refused by that name`, () => {
    const error = assertThrows(() => parseResources({ [field]: value }), RequestError);
    assertEquals(error.field, field);
  });
}
