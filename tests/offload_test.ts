/** Rings and offload of the NIC, from guest to guest and to our own end, with the bytes checked by the guests. */

import { assert, assertEquals } from "@std/assert";
import { Supervisor } from "../supervisor/supervisor.ts";
import { GuestHost, prepare } from "./support/guest_host.ts";

const MEBIBYTES = 4;

await prepare("ttcp");

/** Moves bytes between two VMs of one cell, checked by both; returns frames per mebibyte. */
async function framesBetweenVms(nic: "ring" | "simple", ...words: string[]): Promise<number> {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 64 << 20, mechanisms: { nic } });
  try {
    const host = new GuestHost(supervisor);
    const server = await host.boot("ttcp", { arguments: ["-s"] });
    await server.says("listening");
    const bytes = ["-v", "-n", `${MEBIBYTES}M`, "-w", "5000"];
    const client = await host.boot("ttcp", { arguments: [...words, ...bytes, server.address] });
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
