/** The disk worker as a thread: what becomes of cells when it, or one of them, fails. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Doorbell, RingWriter } from "../../devices/ring.ts";
import { CELL_BELL } from "../cell/protocol.ts";
import { DISK_BELL } from "./channel.ts";
import { DiskWorker } from "./disk_worker.ts";

async function withWorker(
  test: (worker: DiskWorker, path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "denali-test-" }));
  const worker = new DiskWorker(() => [folder], () => {});
  try {
    await Deno.writeFile(`${folder}/a.disk`, new Uint8Array(8 * 4096));
    await test(worker, `${folder}/a.disk`);
  } finally {
    worker.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

function plug(worker: DiskWorker) {
  const failed = Promise.withResolvers<string>();
  const plug = worker.plug(new SharedArrayBuffer(8192), CELL_BELL, failed.resolve);
  return { ...plug, failed: failed.promise };
}

Deno.test("a cell whose ring is nonsense is told, and the others keep their disks", () =>
  withWorker(async (worker, path) => {
    const bad = plug(worker), good = plug(worker);
    const order = { vm: 1, path, blocks: 8, readOnly: true };
    await worker.open({ ...order, cell: bad.number });
    const handle = await worker.open({ ...order, cell: good.number });
    new RingWriter(bad.channel.requests).write(99, 0, 0, new Uint8Array(12));
    new Doorbell(new Int32Array(bad.channel.status), DISK_BELL).ring();
    assertStringIncludes(await bad.failed, "its disk ring is corrupt: disks: expected a request");
    await worker.close(good.number, handle);
    await worker.open({ ...order, cell: good.number, readOnly: false });
  }));

Deno.test("a file that cannot be opened is said so, and costs nothing", () =>
  withWorker(async (worker, path) => {
    const { number } = plug(worker);
    const order = { cell: number, vm: 1, path, blocks: 8, readOnly: false };
    await assertRejects(() => worker.open({ ...order, path: "/etc/hostname" }), Error, "/etc");
    await assertRejects(() => worker.open({ ...order, path: `${path}x` }), Error, "No such file");
    await assertRejects(() => worker.open({ ...order, blocks: 9 }), Error, "shrunk");
    await worker.open(order);
  }));

Deno.test("when the thread fails, cells with open disks are told, and the others go on with a new one", () =>
  withWorker(async (worker, path) => {
    const user = plug(worker), other = plug(worker);
    const order = { vm: 1, path, blocks: 8, readOnly: false };
    await worker.open({ ...order, cell: user.number });
    let told = false;
    other.failed.then(() => told = true);
    // Whatever a bug may be: here, an order that nobody gives.
    worker.plug(-1 as unknown as SharedArrayBuffer, 0, () => {}).unplug();
    assertStringIncludes(await user.failed, "the thread of the disks failed");
    await worker.open({ ...order, cell: other.number });
    assertEquals(told, false);
  }));

Deno.test("a stopped worker refuses what is asked of it", () =>
  withWorker(async (worker, path) => {
    const { number } = plug(worker);
    const opening = worker.open({ cell: number, vm: 1, path, blocks: 8, readOnly: false });
    worker.stop();
    await assertRejects(() => opening, Error, "the disks are closed");
    const order = { cell: number, vm: 1, path, blocks: 8, readOnly: false };
    await assertRejects(() => worker.open(order), Error, "the disks are closed");
    assertEquals(await worker.close(number, 1), undefined);
  }));
