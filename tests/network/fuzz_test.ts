/**
 * Frames that are nearly right, as fast as a VM takes them, while a transfer that checks every byte goes
 * on beside them. DENALI_NETWORK_TEST=full: a million instead of 50,000.
 */

import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../supervisor/address_plan.ts";
import { seededRandom } from "../../supervisor/gateway/simulation.ts";
import { hasTool } from "../tools.ts";
import { nativeGuest, prepare } from "../support/guest_host.ts";
import { type Bed, FULL, LINUX, withBed } from "./bed.ts";
import { hasNamespaces } from "./namespace.ts";
import { Mutations } from "./mutations.ts";

const ignore = !await hasNamespaces() || !await hasTool("gcc", "guests are compiled");
const FRAMES = FULL ? 1_000_000 : 50_000;
/** Fewer than a VM's queue holds, for the transfer's frames have to fit too. */
const BATCH = 24;
const SEED = Number(Deno.env.get("DENALI_FUZZ_SEED") ?? 1);
const TTCP = 5001, CLOSED = 9;

if (!ignore) await prepare("ttcp", "echo");
const ttcp = ignore ? "" : await nativeGuest("ttcp");
globalThis.addEventListener("unload", () => ttcp && Deno.removeSync(ttcp));

/** Frames of the fuzzer that found no room, in the cell's ring or in a queue. */
async function lost({ supervisor }: Bed): Promise<number> {
  const { cells } = await supervisor.stats() as {
    cells: { network: { drops: { no_room: number } } }[];
  };
  return cells[0].network.drops.no_room;
}

/** Transfers both ways, again and again, until `over`; how many bytes were checked. */
async function transfers({ space }: Bed, address: string, over: () => boolean): Promise<number> {
  let checked = 0;
  for (let n = 0; !over() || n < 2; n++) {
    const way = n % 2 ? ["-r"] : [];
    const text = await space.run("timeout", "120", ttcp, "-v", ...way, "-n", "1000000", address);
    const { bytes, wrong_bytes } = JSON.parse(text);
    assertEquals({ bytes, wrong_bytes }, { bytes: 1_000_000, wrong_bytes: 0 });
    checked += bytes;
  }
  return checked;
}

async function flood(bed: Bed, mutations: Mutations): Promise<void> {
  for (let sent = 0; sent < FRAMES; sent += BATCH) {
    for (let n = 0; n < BATCH; n++) bed.wire.inject(mutations.next());
    // An answer of the cell: it has taken them.
    await bed.supervisor.stats();
  }
}

Deno.test({
  name: "mutated frames neither stop a VM nor change a byte of a transfer beside them",
  ignore,
  fn: () =>
    withBed({}, async (bed) => {
      const vm = await bed.host.boot("ttcp", { args: ["-s"], memory: 16 << 20 });
      await vm.says("listening");
      const { id } = bed.supervisor.get(vm.name);
      const mutations = new Mutations(seededRandom(SEED), {
        mac: Uint8Array.of(2, 0x44, 0x4e, 0, 0, id),
        address: parseAddress(vm.address)!,
        ports: [TTCP, TTCP, CLOSED],
        neighbour: parseAddress(LINUX)!,
      });
      bed.wire.observe = (frame) => mutations.capture(frame);
      let over = false;
      const [checked] = await Promise.all([
        transfers(bed, vm.address, () => over),
        flood(bed, mutations).finally(() => over = true),
      ]);
      const { state, reason } = bed.supervisor.get(vm.name);
      assertEquals({ state, reason }, { state: "running", reason: undefined });
      const share = await lost(bed) / FRAMES;
      assert(share < 0.2, `${share} of the frames did not reach the VM`);
      console.log(`${FRAMES} frames, seed ${SEED}; ${checked} bytes checked beside them`);
    }),
});
