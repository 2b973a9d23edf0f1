import { assertEquals, assertThrows } from "@std/assert";
import { RequestError } from "../request_error.ts";
import { backoffMs, parseRestart, startsAgain, startsWithServer } from "./restart_policy.ts";

Deno.test("each restart policy starts a VM again after the endings it names", () => {
  const crashed = { state: "crashed", stopped: false, restarts: 2 };
  const failed = { state: "stopped", exitCode: 3, stopped: false, restarts: 2 };
  const done = { state: "stopped", exitCode: 0, stopped: false, restarts: 2 };
  const told = { state: "stopped", exitCode: 0, stopped: true, restarts: 0 };
  const table: [string, boolean[]][] = [
    ["no", [false, false, false, false]],
    ["on-failure", [true, true, false, false]],
    ["on-failure:2", [false, false, false, false]],
    ["on-failure:3", [true, true, false, false]],
    ["always", [true, true, true, false]],
    ["unless-stopped", [true, true, true, false]],
  ];
  for (const [policy, expected] of table) {
    const got = [crashed, failed, done, told].map((ending) => startsAgain(policy, ending));
    assertEquals(got, expected, policy);
  }
});

Deno.test("with the server start those that ran, and always those of always", () => {
  const table = ["no", "on-failure:1", "unless-stopped", "always"].map((policy) => [
    startsWithServer(policy, true),
    startsWithServer(policy, false),
  ]);
  assertEquals(table, [[false, false], [true, false], [true, false], [true, true]]);
});

Deno.test("the pause between restarts doubles up to a minute", () => {
  assertEquals([0, 1, 2, 9, 10, 1e6].map(backoffMs), [100, 200, 400, 51_200, 60_000, 60_000]);
});

Deno.test("policies that do not exist are refused by the field", () => {
  for (const policy of ["", "on-failure:0", "on-failure:", "sometimes", 1, null, "always:2"]) {
    assertThrows(() => parseRestart(policy), RequestError, "got");
  }
});
