/** Rings and offload of the NIC, from guest to guest and to our own end, with the bytes checked by the guests. */

import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../supervisor/gateway/simulation.ts";
import { assertSameBytes, collect, randomBytes } from "../supervisor/gateway/simulation_streams.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { GuestHost, prepare } from "./support/guest_host.ts";
import { World } from "./support/world.ts";

const MEBIBYTES = 4;

await prepare("ttcp", "echo");

/** Moves bytes between two VMs of one cell, checked by both; returns frames per mebibyte. */
async function framesBetweenVms(nic: "ring" | "simple", ...words: string[]): Promise<number> {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 64 << 20, mechanisms: { nic } });
  try {
    const host = new GuestHost(supervisor);
    const server = await host.boot("ttcp", { args: ["-s"] });
    await server.says("listening");
    const bytes = ["-v", "-n", `${MEBIBYTES}M`, "-w", "5000"];
    const client = await host.boot("ttcp", { args: [...words, ...bytes, server.address] });
    const { code, console } = await client.ended();
    assertEquals(code, 0, console);
    const { cells } = await supervisor.stats() as unknown as {
      cells: { network: { delivered: number; drops: Record<string, number> } }[];
    };
    const { delivered, drops } = cells[0].network;
    assertEquals([drops.offload, drops.malformed], [0, 0]);
    return delivered / MEBIBYTES;
  } finally {
    await supervisor.close();
  }
}

for (const [what, words] of [["to", []], ["from", ["-r"]]] as const) {
  Deno.test(`a VM moves megabytes ${what} another by large segments, by frames without rings, and each byte is right`, async () => {
    const large = await framesBetweenVms("ring", ...words);
    const frames = await framesBetweenVms("simple", ...words);
    assert(frames > 1_048_576 / 1460, `${frames} frames per MiB`);
    assert(large * 4 < frames, `${large} of ${frames} frames per MiB`);
  });
}

for (const loss of [0, 0.03]) {
  Deno.test(`two megabytes go by large segments to a VM and back, of which ${100 * loss} % are lost, and each byte is right`, async () => {
    const random = seededRandom(5);
    const world = new World("ring", () => random() < loss * 2 ** 32);
    const vm = await world.boot("echo", 1);
    await world.until(() => world.console.includes("listening"));
    const sent = randomBytes(2 * 2 ** 20);
    let got: Uint8Array | null = null;
    let failure: unknown = null;
    const exchange = async () => {
      const stream = await world.network.gateway!.connect(world.network.vmNetwork(1).address, 7);
      const [back] = await Promise.all([
        collect(stream),
        stream.write(sent).then(() => stream.closeWrite()),
      ]);
      got = back;
    };
    exchange().catch((error) => failure = error);
    await world.until(() => got !== null || failure !== null);
    if (failure !== null) throw failure;
    assertSameBytes(got!, sent);
    const { drops } = world.kernel.stats().network;
    assertEquals([drops.offload, drops.malformed], [0, 0]);
    if (loss === 0) assert(vm.stats.framesIn < 700, `${vm.stats.framesIn} frames for 2 MiB`);
    await world.network.close();
  });
}
