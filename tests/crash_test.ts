/** Some rounds of the crash tests; `deno task soak` runs a hundred. */

import { assert, assertEquals } from "@std/assert";
import { crashRounds } from "./crash/crash.ts";
import { kvdRounds } from "./crash/kvd.ts";
import { judgeRecords } from "./crash/records.ts";
import { stateRounds } from "./crash/state.ts";
import { hasTool } from "./tools.ts";

const gccMissing = !await hasTool("gcc", "the crash tests compile a guest");

Deno.test({
  name: "records that were flushed are there after SIGKILL at any moment, and none is torn",
  ignore: gccMissing,
  async fn() {
    const seed = Date.now() >>> 0;
    const { acked, wrong } = await crashRounds({ rounds: 5, seed });
    assertEquals(wrong, [], `seed ${seed}`);
    assert(acked > 0, "no record was acknowledged");
  },
});

Deno.test({
  name: "what kvd has answered with appendfsync always is there after SIGKILL at any moment",
  ignore: gccMissing,
  async fn() {
    const seed = Date.now() >>> 0;
    const { acked, wrong } = await kvdRounds({ rounds: 5, seed });
    assertEquals(wrong, [], `seed ${seed}`);
    assert(acked > 0, "no write was acknowledged");
  },
});

Deno.test("the judge of records sees a lost one, a torn one and one at the wrong place", () => {
  const disk = new Uint8Array(8 * 4096);
  assertEquals(judgeRecords(disk, 0), { last: 0, wrong: [] });
  assertEquals(judgeRecords(disk, 1).wrong, ["record 1 is lost: its block has 0"]);
  disk[5 * 4096 + 100] = 1;
  assertEquals(judgeRecords(disk, 0).wrong, ["block 5 is torn"]);
});

Deno.test("after SIGKILL at any moment everything is found as it was last acknowledged", async () => {
  const seed = Date.now() >>> 0;
  const { acked, wrong } = await stateRounds({ rounds: 5, seed });
  assertEquals(wrong, [], `seed ${seed}`);
  assert(acked > 20, `only ${acked} requests were acknowledged`);
});
