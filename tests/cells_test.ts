/** Two cells and the real kernel: VMs of different cells talk to each other and are seen as one fleet. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { buildGuests, buildImage } from "../guests/build.ts";
import { createControl } from "../supervisor/control.ts";
import { describeImage, type StoredImage } from "../supervisor/image/store.ts";
import { createHandler } from "../supervisor/server.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

const FETCH = ["load/fetch.c", "../guests/httpd/document.c"]
  .map((path) => new URL(path, import.meta.url).pathname);
const POOL = 64 << 20, MEMORY = 8 << 20;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function fetchImage(): Promise<StoredImage> {
  return await describeImage("fetch", await Deno.readFile(await buildImage(FETCH)));
}

Deno.test("VMs of different cells reach each other by their addresses, byte-exact, both ways at once", async () => {
  await buildGuests(["httpd"]);
  const image = await fetchImage();
  const supervisor = await Supervisor.start({ cells: 2, poolBytes: POOL });
  try {
    const servers = [];
    for (let n = 0; n < 2; n++) {
      servers.push(await supervisor.create({ image: "httpd", memory: MEMORY }));
    }
    // Each cell has one server; clients of both cells fetch from both.
    const clients = [];
    for (const { address } of [...servers, ...servers.toReversed()]) {
      clients.push(
        await supervisor.createFrom(image, {
          memory: MEMORY,
          args: [address, "500000", "300"],
        }),
      );
    }
    assertEquals(clients.map(({ cell }) => cell), [0, 1, 0, 1]);
    for (const { id } of clients) {
      const { exitCode } = await supervisor.ended(id);
      assertEquals([exitCode, text(supervisor.consoleHistory(id)).split(" ")[0]], [0, "fetched"]);
      assertMatch(text(supervisor.consoleHistory(id)), /^fetched [1-9]/);
    }
    const { network } = await supervisor.stats() as { network: { betweenCells: number } };
    assert(network.betweenCells > 100, `${network.betweenCells} frames between cells`);
  } finally {
    await supervisor.close();
  }
});

Deno.test("counters and events of all cells are shown together", async () => {
  await buildGuests(["httpd", "spin"]);
  const supervisor = await Supervisor.start({ cells: 2, poolBytes: POOL });
  try {
    const app = createControl(supervisor);
    const get = async (path: string) => await (await app.request(path)).json();
    for (let n = 0; n < 4; n++) await supervisor.create({ image: "httpd", memory: MEMORY });
    const system = await get("/v1/system");
    const { vms, frames, cells } = system;
    assertEquals([vms, cells.length, cells[0].vms, cells[1].vms], [4, 2, 2, 2]);
    for (const kind of ["total", "free", "private"]) {
      assertEquals(frames[kind], cells[0].frames[kind] + cells[1].frames[kind]);
    }
    const rows = await get("/v1/stats");
    assertEquals(rows.map(({ id }: { id: number }) => id), [1, 2, 3, 4]);
    for (let id = 1; id <= 4; id++) await supervisor.stop(id);
    const events = await get("/v1/events");
    for (let id = 1; id <= 4; id++) {
      const types = events.filter(({ vm }: { vm: number }) => vm === id)
        .map(({ type }: { type: string }) => type);
      assertEquals(types, ["vm.created", "vm.running", "vm.stopped"]);
    }
  } finally {
    await supervisor.close();
  }
});

Deno.test("a fleet that fits into the pools of neither of two cells answers, every VM as itself", async () => {
  await buildGuests(["httpd"]);
  const supervisor = await Supervisor.start({ cells: 2, poolBytes: 4 << 20 });
  const handler = createHandler(supervisor);
  try {
    const vms = [];
    for (let n = 0; n < 320; n++) {
      vms.push(await supervisor.create({ image: "httpd", memory: MEMORY }));
    }
    for (const { name } of vms) {
      const headers = { host: `${name}.localhost` };
      const answer = await handler(new Request(`http://${name}.localhost/`, { headers }));
      assertMatch(await answer.text(), new RegExp(`\\bname: ${name}\\n`));
    }
    const { cells } = await supervisor.stats() as { cells: { swap: { swapped: number } }[] };
    for (const { swap } of cells) assert(swap.swapped > 100, `${swap.swapped} pages in swap only`);
  } finally {
    handler.close();
    await supervisor.close();
  }
});
