/** Disks from the guest's program down to the host's file, and back. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { until } from "../../tests/support/until.ts";
import { hasTool } from "../../tests/tools.ts";
import { RequestError } from "../request_error.ts";
import { Supervisor, type SupervisorOptions } from "../supervisor.ts";
import { startBlockGuest } from "../testing/block_guest.ts";
import { withSmallFolder } from "../testing/small_folder.ts";
import { talkTo } from "../testing/talking_guest.ts";

const BLOCK = 4096;
const EIO = 5, EINVAL = 22, ENODEV = 19, ENOSPC = 28, EROFS = 30;

async function withSupervisor(
  test: (supervisor: Supervisor, folder: string) => Promise<void>,
  options: SupervisorOptions = {},
  given?: string,
): Promise<void> {
  const folder = given ?? await Deno.makeTempDir({ prefix: "denali-test-" });
  const supervisor = await Supervisor.start({
    cells: 2,
    poolBytes: 32 * 2 ** 20,
    dataFolder: folder,
    ...options,
  });
  try {
    await test(supervisor, folder);
  } finally {
    await supervisor.close();
    if (given === undefined) await Deno.remove(folder, { recursive: true });
  }
}

async function eventsOf(supervisor: Supervisor, type: string, count = 1): Promise<string[]> {
  const found = () => supervisor.events.after().filter((event) => event.type === type);
  await until(() => found().length >= count, `${count} events ${type}`);
  return found().map(({ vm, message }) => `${vm}: ${message}`);
}

Deno.test("what a VM writes to its disk is in the file, and there again for the next VM", () =>
  withSupervisor(async (supervisor, folder) => {
    const { store } = supervisor.disks!;
    await store.create("data", 512 * BLOCK);
    const vm = await startBlockGuest(supervisor, { disks: [{ name: "data", readOnly: false }] });
    assertEquals(await vm.ask("info"), "ok 1 data:512:rw:0");
    assertEquals(await vm.ask("zero 0 0 512"), "ok");
    assertEquals(await vm.ask("many 0 1"), "ok");
    assertEquals(await vm.ask("write 0 100 300 7"), "ok");
    assertEquals(await vm.ask("flush 0"), "ok");
    assertEquals(await vm.ask("read 0 100 300 7"), "ok");
    assertEquals(await vm.ask("read 0 400 112 1"), "ok");
    const file = await Deno.readFile(`${folder}/disks/data.disk`);
    assertEquals(file.length, 512 * BLOCK);
    assert(file.some((byte) => byte !== 0));
    await supervisor.stop(vm.id);
    await supervisor.start(vm.id);
    const again = talkTo(supervisor, vm.id);
    assertEquals(await again.ask("read 0 100 300 7"), "ok");
    await supervisor.remove(vm.id);
    const other = await startBlockGuest(supervisor, { disks: [{ name: "data", readOnly: true }] });
    assertEquals(await other.ask("read 0 100 300 7"), "ok");
  }));

Deno.test("a wrong request of a program is an errno, and costs nothing", () =>
  withSupervisor(async (supervisor) => {
    const { store } = supervisor.disks!;
    await store.create("data", 8 * BLOCK);
    await store.create("boot", 4 * BLOCK);
    const disks = [{ name: "data", readOnly: false }, { name: "boot", readOnly: true }];
    const vm = await startBlockGuest(supervisor, { disks });
    assertEquals(await vm.ask("info"), "ok 2 data:8:rw:0 boot:4:ro:1");
    assertEquals(await vm.ask("read 0 7 2 0"), `error ${EINVAL}`);
    assertEquals(await vm.ask("read 0 4294967295 2 0"), `error ${EINVAL}`);
    assertEquals(await vm.ask("write 0 8 1 0"), `error ${EINVAL}`);
    assertEquals(await vm.ask("write 1 0 1 0"), `error ${EROFS}`);
    assertEquals(await vm.ask("read 2 0 1 0"), `error ${ENODEV}`);
    assertEquals(await vm.ask("flush 8"), `error ${ENODEV}`);
    assertEquals(await vm.ask("flush 1"), "ok");
    assertEquals(await vm.ask("zero 1 0 4"), "ok");
    assertEquals(supervisor.events.after().filter(({ type }) => type === "disk.error"), []);
  }));

Deno.test("one VM may write to a disk, or many may read it, whose file is open once", () =>
  withSupervisor(async (supervisor, folder) => {
    const { store } = supervisor.disks!;
    await store.create("boot", 16 * BLOCK);
    const writer = await startBlockGuest(supervisor, {
      disks: [{ name: "boot", readOnly: false }],
    });
    assertEquals(await writer.ask("many 0 5"), "ok");
    for (const readOnly of [true, false]) {
      const error = await assertRejects(
        () => startBlockGuest(supervisor, { disks: [{ name: "boot", readOnly }] }),
        RequestError,
      );
      assertStringIncludes(error.message, "disk boot is attached to VM 1 to write to it");
    }
    await supervisor.remove(writer.id);
    const readers = [];
    for (let i = 0; i < 20; i++) {
      const parameters = { memory: 4 << 20, disks: [{ name: "boot", readOnly: true }] };
      readers.push(await startBlockGuest(supervisor, parameters));
    }
    const answers = await Promise.all(readers.map((vm) => vm.ask("read 0 0 16 5")));
    assertEquals(answers, Array(20).fill("ok"));
    assertEquals(store.get("boot").vms.length, 20);
    await opened(`${folder}/disks/boot.disk`, 1);
    await assertRejects(() => store.delete("boot"), RequestError, "cannot be removed");
    await assertRejects(() => store.resize("boot", 32 * BLOCK), RequestError, "cannot be resized");
    assertEquals((await store.clone("boot", "copy")).bytes, 16 * BLOCK);
    for (const { id } of readers) await supervisor.remove(id);
    await opened(`${folder}/disks/boot.disk`, 0);
    await store.delete("boot");
    assertEquals(store.list().map(({ name }) => name), ["copy"]);
  }));

/** Waits until so many descriptors of this process stand for a file: others' threads close theirs. */
function opened(path: string, wanted: number): Promise<void> {
  return until(async () => {
    let count = 0;
    for await (const { name } of Deno.readDir("/proc/self/fd")) {
      const target = await Deno.readLink(`/proc/self/fd/${name}`).catch(() => "");
      if (target === path) count++;
    }
    return count === wanted;
  }, `${wanted} descriptors of ${path}`);
}

Deno.test("a disk that is not there, or in use elsewhere, is refused before the VM is made", () =>
  withSupervisor(async (supervisor, folder) => {
    const disks = [{ name: "data", readOnly: false }];
    const missing = await assertRejects(() => startBlockGuest(supervisor, { disks }), RequestError);
    assertEquals([missing.field, missing.status], ["disk", 404]);
    const { store } = supervisor.disks!;
    await store.create("data", 8 * BLOCK);
    {
      using file = await Deno.open(`${folder}/disks/data.disk`, { read: true, write: true });
      await file.lock(true);
      const error = await assertRejects(() => startBlockGuest(supervisor, { disks }), RequestError);
      assertStringIncludes(error.message, "is in use by another process");
      await assertRejects(() => store.export("data"), RequestError, "another process");
      await assertRejects(() => store.delete("data"), RequestError, "another process");
    }
    await Deno.truncate(`${folder}/disks/data.disk`, BLOCK);
    const short = await assertRejects(() => startBlockGuest(supervisor, { disks }), RequestError);
    assertStringIncludes(short.message, "shrunk");
    await Deno.remove(`${folder}/disks/data.disk`);
    const gone = await assertRejects(() => startBlockGuest(supervisor, { disks }), RequestError);
    assertStringIncludes(gone.message, "No such file");
    assertEquals(supervisor.list(), []);
    assertEquals(store.get("data").usedBytes, null);
    await store.delete("data");
  }));

Deno.test("a file that shrinks or vanishes under a VM is its I/O error, the operator's event, and nobody else's", () =>
  withSupervisor(async (supervisor, folder) => {
    const { store } = supervisor.disks!;
    for (const name of ["short", "gone", "good"]) await store.create(name, 64 * BLOCK);
    const [short, gone, good] = await Promise.all(
      ["short", "gone", "good"].map((name) =>
        startBlockGuest(supervisor, { name, disks: [{ name, readOnly: false }] })
      ),
    );
    for (const vm of [short, gone, good]) assertEquals(await vm.ask("many 0 3"), "ok");
    await Deno.truncate(`${folder}/disks/short.disk`, 10 * BLOCK);
    await Deno.remove(`${folder}/disks/gone.disk`);
    assertEquals(await short.ask("read 0 8 4 3"), `error ${EIO}`);
    assertEquals(await short.ask("write 0 63 1 3"), `error ${EIO}`);
    assertEquals(await short.ask("flush 0"), `error ${EIO}`);
    assertEquals(await gone.ask("write 0 0 1 3"), `error ${EIO}`);
    assertEquals(await gone.ask("flush 0"), `error ${EIO}`);
    assertEquals((await Deno.stat(`${folder}/disks/short.disk`)).size, 10 * BLOCK);
    assertEquals(await good.ask("many 0 4"), "ok");
    assertEquals(await good.ask("flush 0"), "ok");
    const events = await eventsOf(supervisor, "disk.error", 2);
    assertStringIncludes(events.join("\n"), `${short.id}: short: read of 4 blocks from 8 on:`);
    assertStringIncludes(events.join("\n"), "it has shrunk to 40960");
    assertStringIncludes(events.join("\n"), `${gone.id}: gone: write of 1 blocks from 0 on:`);
    assertStringIncludes(events.join("\n"), "was removed while it was in use");
  }));

Deno.test({
  name: "a host without room is the VM's ENOSPC, and it goes on when there is room again",
  ignore: !await hasTool("mount", "a small file system is filled"),
  fn: () =>
    withSmallFolder("2m", async (folder, remount) => {
      await withSupervisor(
        async (supervisor) => {
          await supervisor.disks!.store.create("data", 1024 * BLOCK);
          const vm = await startBlockGuest(supervisor, {
            disks: [{ name: "data", readOnly: false }],
          });
          assertEquals(await vm.ask("write 0 0 300 1"), "ok");
          assertEquals(await vm.ask("write 0 300 500 1"), `error ${ENOSPC}`);
          assertEquals(await vm.ask("read 0 0 300 1"), "ok");
          const [event] = await eventsOf(supervisor, "disk.error");
          assertStringIncludes(event, "No space left on device");
          await remount("size=8m");
          assertEquals(await vm.ask("write 0 300 500 1"), "ok");
          assertEquals(await vm.ask("flush 0"), "ok");
        },
        {},
        folder,
      );
    }),
});

Deno.test({
  name: "a disk on a file system that is read-only can be read, and not written to",
  ignore: !await hasTool("mount", "a file system is made read-only"),
  fn: () =>
    withSmallFolder("1m", async (folder, remount) => {
      await Deno.writeFile(`${folder}/a.img`, new Uint8Array(8 * BLOCK));
      await remount("ro");
      const files = [{ name: "a", path: `${folder}/a.img` }];
      await withSupervisor(async (supervisor) => {
        const error = await assertRejects(
          () => startBlockGuest(supervisor, { disks: [{ name: "a", readOnly: false }] }),
          RequestError,
        );
        assertStringIncludes(error.message, "Read-only file system");
        const vm = await startBlockGuest(supervisor, { disks: [{ name: "a", readOnly: true }] });
        assertEquals(await vm.ask("zero 0 0 8"), "ok");
        assertEquals(await vm.ask("write 0 0 1 1"), `error ${EROFS}`);
      }, { disks: { files } });
    }),
});
