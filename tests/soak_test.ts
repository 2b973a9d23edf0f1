/** The soak test for some seconds, DENALI_SOAK_SECONDS if that is set; `deno task soak` runs it for longer. */

import { assert, assertEquals } from "@std/assert";
import { soak } from "./soak/soak.ts";
import { hasTool } from "./tools.ts";

const SECONDS = Number(Deno.env.get("DENALI_SOAK_SECONDS") ?? 10);
const PAGES = 1000;
const gccMissing = !await hasTool("gcc", "the soak test compiles a guest");

Deno.test({
  name: "VMs made, paged out and in, and killed at random see no wrong byte, and all is given back",
  ignore: gccMissing,
  async fn() {
    const seed = 20021209;
    const result = await soak({
      seconds: SECONDS,
      seed,
      poolBytes: 8 << 20,
      clusterBytes: 64 << 10,
      pages: PAGES,
    });
    assertEquals(result.wrong, [], `seed ${seed}`);
    assertEquals(result.lost, {}, `seed ${seed}`);
    const { made, killed, swap, delivered } = result;
    assert(made > killed && killed > 0, `${made} made, ${killed} killed`);
    assert(delivered > 0, "no datagram came to a VM");
    assert(swap.pageIns >= PAGES && swap.pageOuts >= PAGES, JSON.stringify(swap));
  },
});
