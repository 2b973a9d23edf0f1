/** What the disk store keeps, refuses and finds. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { attempts } from "../../tests/support/until.ts";
import { hasTool } from "../../tests/tools.ts";
import { RequestError } from "../request_error.ts";
import { StateStore } from "../state/store.ts";
import { withSmallFolder } from "../testing/small_folder.ts";
import { openDiskRecords } from "./records.ts";
import { type DiskLimits, DiskStore } from "./store.ts";
import { fetchDisk } from "./fetch.ts";
import { withPatience } from "./patience.ts";

const BLOCK = 4096;

interface Kept {
  readonly store: DiskStore;
  readonly folder: string;
  readonly events: string[];
  /** The same folder, as the next process finds it. */
  again(limits?: DiskLimits): Promise<Kept>;
}

async function withStore(
  test: (kept: Kept) => Promise<void>,
  limits: DiskLimits = {},
  folder?: string,
): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "denali-test-" });
  const own = folder ?? await Deno.makeTempDir({ prefix: "denali-test-" });
  let state: StateStore | undefined;
  const open = async (limits?: DiskLimits): Promise<Kept> => {
    const events: string[] = [];
    await state?.close();
    state = await StateStore.open(data);
    const records = await openDiskRecords(state);
    const event = (type: string, message: string) => events.push(`${type}: ${message}`);
    const store = new DiskStore({ folder: own, records, limits, event });
    return { store, folder: own, events, again: open };
  };
  try {
    await test(await open(limits));
  } finally {
    await state?.close();
    await Deno.remove(data, { recursive: true });
    if (folder === undefined) await Deno.remove(own, { recursive: true });
  }
}

function bytes(length: number, fill = (i: number) => (i * 7 + (i >> 12)) & 0xff) {
  return Uint8Array.from({ length }, (_, i) => fill(i));
}

function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces);
}

async function read(store: DiskStore, name: string): Promise<Uint8Array> {
  return new Uint8Array(await new Response((await store.export(name)).body).arrayBuffer());
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  const { field, status, message } = await assertRejects(work, RequestError);
  return `${status} ${field}: ${message}`;
}

Deno.test("a disk is a sparse file, and is there again for the next process", () =>
  withStore(async ({ store, folder, events, again }) => {
    const made = await store.create("data", 1 << 30);
    assertEquals([made.name, made.bytes, made.usedBytes, made.vms], ["data", 1 << 30, 0, []]);
    assertEquals((await Deno.stat(`${folder}/data.disk`)).size, 1 << 30);
    assertEquals(events, ["disk.created: data, 1G"]);
    const next = await again();
    assertEquals(next.store.list(), [made]);
    await next.store.delete("data");
    assertEquals([next.store.list(), (await again()).store.list()], [[], []]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  }));

Deno.test("what is imported can be exported, in whole blocks, and its zeros take no room", () =>
  withStore(async ({ store }) => {
    const content = bytes(100_000);
    const whole = new Uint8Array(25 * BLOCK);
    whole.set(content);
    const pieces = [1, 4095, 50_000, 45_904].map((length, i, all) => {
      const start = all.slice(0, i).reduce((sum, each) => sum + each, 0);
      return content.subarray(start, start + length);
    });
    assertEquals((await store.import("a", streamOf(...pieces))).bytes, 25 * BLOCK);
    assertEquals(await read(store, "a"), whole);
    await store.import("b", streamOf(content), { bytes: 64 * BLOCK });
    assertEquals((await read(store, "b")).subarray(25 * BLOCK).some((byte) => byte !== 0), false);
    assertEquals(store.get("b").bytes, 64 * BLOCK);
    const holes = bytes(8 << 20, (i) => i % (1 << 20) < BLOCK ? 1 : 0);
    assert((await store.import("c", streamOf(holes))).usedBytes! <= 8 * 2 * BLOCK);
    assertEquals(await read(store, "c"), holes);
    const copy = await store.clone("c", "d");
    assertEquals([copy.bytes, copy.usedBytes], [8 << 20, store.get("c").usedBytes]);
    assertEquals(await read(store, "d"), holes);
  }));

Deno.test("a disk grows, keeps its bytes, and never shrinks", () =>
  withStore(async ({ store }) => {
    await store.import("a", streamOf(bytes(2 * BLOCK)));
    await store.resize("a", 5 * BLOCK);
    const content = await read(store, "a");
    assertEquals(content.length, 5 * BLOCK);
    assertEquals(content.subarray(0, 2 * BLOCK), bytes(2 * BLOCK));
    assertEquals(
      await refusal(() => store.resize("a", 4 * BLOCK)),
      "400 bytes: got 16384",
    );
  }));

Deno.test("what a file has lost is not made up: no copy, export or growth of a disk that shrank", () =>
  withStore(async ({ store, folder }) => {
    await store.import("a", streamOf(bytes(40 * BLOCK)));
    await Deno.truncate(`${folder}/a.disk`, 30 * BLOCK);
    const shrunk = `500 file: ${folder}/a.disk has shrunk to ${30 * BLOCK} bytes`;
    assertEquals(await refusal(() => store.clone("a", "b")), shrunk);
    assertEquals(await refusal(() => store.export("a")), shrunk);
    assertEquals(await refusal(() => store.resize("a", 50 * BLOCK)), shrunk);
    assertEquals((await Deno.stat(`${folder}/a.disk`)).size, 30 * BLOCK);
    // While it is read.
    await store.import("c", streamOf(bytes(1000 * BLOCK)));
    const { body } = await store.export("c");
    await Deno.truncate(`${folder}/c.disk`, 100 * BLOCK);
    const end = (await assertRejects(() => new Response(body).bytes())) as Error;
    assertEquals(end.message, `the file ended ${900 * BLOCK} bytes before the disk does`);
    assertEquals(store.list().map(({ name }) => name), ["a", "c"]);
    // What a resize that was interrupted left behind the disk is not of the disk.
    await store.import("d", streamOf(bytes(2 * BLOCK)));
    await Deno.truncate(`${folder}/d.disk`, 9 * BLOCK);
    assertEquals(await read(store, "d"), bytes(2 * BLOCK));
  }));

Deno.test("what is asked wrongly is refused by its field, and nothing is left behind", () =>
  withStore(async ({ store, folder }) => {
    for (const name of ["", "../x", "A", "x".repeat(24), ".x", "a/b", "a\0b"]) {
      assertStringIncludes(await refusal(() => store.create(name, BLOCK)), "400 name: got ");
    }
    for (const size of [0, -4096, 1000, 1.5, NaN, Infinity, 2 ** 52]) {
      assertStringIncludes(await refusal(() => store.create("a", size)), "400 bytes: got ");
    }
    await store.create("a", BLOCK);
    assertStringIncludes(await refusal(() => store.create("a", BLOCK)), "409 name:");
    assertStringIncludes(await refusal(() => store.clone("a", "a")), "409 name:");
    for (const work of ["export", "delete"] as const) {
      assertStringIncludes(await refusal(() => store[work]("b")), `404 disk: no disk "b"`);
    }
    assertStringIncludes(
      await refusal(() => store.import("b", streamOf())),
      "400 body: got nothing",
    );
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytes(10_000)),
      pull: (controller) => controller.error(new Error("connection lost")),
    });
    assertStringIncludes(await refusal(() => store.import("b", broken)), "connection lost");
    const check = () => {
      throw new RequestError("sha256", "got another", "this", 422);
    };
    const wrong = () => store.import("b", streamOf(bytes(10)), { check });
    assertEquals(await refusal(wrong), "422 sha256: got another");
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["a.disk"]);
    await store.create("b", BLOCK);
  }));

Deno.test("no disk and not all of them together hold more than they may", () =>
  withStore(async ({ store, again }) => {
    assertStringIncludes(await refusal(() => store.create("a", 11 * BLOCK)), "400 bytes");
    await store.create("a", 10 * BLOCK);
    await store.create("b", 8 * BLOCK);
    assertEquals(
      await refusal(() => store.create("c", 8 * BLOCK)),
      "507 bytes: 32K more, 28K are left",
    );
    assertStringIncludes(await refusal(() => store.import("c", streamOf(bytes(8 * BLOCK)))), "413");
    assertStringIncludes(
      await refusal(() => store.import("c", streamOf(bytes(11 * BLOCK)))),
      "413",
    );
    const [c, d] = await Promise.allSettled(
      ["c", "d"].map((name) => store.import(name, streamOf(...Array(5).fill(bytes(BLOCK))))),
    );
    assert([c, d].some(({ status }) => status === "rejected"));
    for (const { name } of store.list()) if (name > "b") await store.delete(name);
    assertStringIncludes(await refusal(() => store.clone("a", "e")), "507");
    assertStringIncludes(await refusal(() => store.resize("b", 11 * BLOCK)), "400 bytes");
    await store.delete("a");
    await store.resize("b", 10 * BLOCK);
    assertEquals((await again({ allBytes: 15 * BLOCK })).store.list().length, 1);
  }, { diskBytes: 10 * BLOCK, allBytes: 25 * BLOCK }));

Deno.test("what an interrupted import left is removed, a file that does not fit is told, and nothing else is touched", () =>
  withStore(async ({ store, folder, again }) => {
    await store.create("a", BLOCK);
    await store.create("b", 2 * BLOCK);
    await store.create("c", BLOCK);
    await Deno.writeFile(`${folder}/d.${crypto.randomUUID()}.part`, bytes(100));
    await Deno.writeFile(`${folder}/e.disk`, bytes(100));
    using busy = await Deno.open(`${folder}/f.part`, { write: true, create: true });
    await busy.lock(true);
    await Deno.remove(`${folder}/a.disk`);
    await Deno.truncate(`${folder}/b.disk`, BLOCK);
    const next = await again();
    assertEquals(next.events.sort(), [
      `disk.missing: a: its file ${folder}/a.disk is gone`,
      `disk.missing: b: expected 8192 bytes in ${folder}/b.disk`,
    ]);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["b.disk", "c.disk", "e.disk", "f.part"]);
    assertStringIncludes(
      await refusal(() => next.store.create("e", BLOCK)),
      "409 name: there is a",
    );
    await next.store.delete("a");
    assertEquals(next.store.list().map(({ name }) => name), ["b", "c"]);
  }));

Deno.test("a sender that stops sending is given up", async () => {
  const silent = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes(10)),
  });
  await withStore(async ({ store }) => {
    const import_ = store.import("a", withPatience(silent, 20));
    assertEquals(await refusal(() => import_), "408 body: nothing came for 0.02 seconds");
    assertEquals(store.list(), []);
  });
});

Deno.test("a file from far away must have its hash, and its server must answer", async () => {
  const content = bytes(3 * BLOCK);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
  const stop = new AbortController();
  const { signal } = stop;
  const options = { port: 0, hostname: "127.0.0.1", signal, onListen() {} };
  const server = Deno.serve(options, ({ url }) => {
    if (url.endsWith("/file")) return new Response(content);
    if (url.endsWith("/silent")) return new Promise(() => {});
    if (url.endsWith("/slow")) {
      return new Response(new ReadableStream({ start: (c) => c.enqueue(content) }));
    }
    return new Response("", { status: 404 });
  });
  const at = (path: string, sha256 = hash, patienceMs = 60_000) =>
    fetchDisk({ url: `http://127.0.0.1:${server.addr.port}/${path}`, sha256 }, { patienceMs });
  await withStore(async ({ store }) => {
    const { body, bytes: total, check } = await at("file");
    assertEquals(total, content.length);
    await store.import("a", body, { total, check });
    assertEquals(await read(store, "a"), content);
    const wrong = await at("file", "0".repeat(64));
    assertStringIncludes(
      await refusal(() => store.import("b", wrong.body, wrong)),
      `422 sha256: http://127.0.0.1:${server.addr.port}/file has ${hash}`,
    );
    assertStringIncludes(await refusal(() => at("none")), "it answered 404");
    assertStringIncludes(await refusal(() => at("silent", hash, 100)), "no answer came");
    // The first bytes may come too late, too.
    const slow = async () => store.import("b", (await at("slow", hash, 100)).body);
    const said = await attempts(() => refusal(slow), (text) => text.includes("nothing came"));
    assertStringIncludes(said, "nothing came");
    assertEquals(store.list().map(({ name }) => name), ["a"]);
  });
  stop.abort();
  await server.finished;
});

Deno.test({
  name: "a host that has no room refuses the disk and keeps none of it",
  ignore: !await hasTool("mount", "a small file system is filled"),
  fn: () =>
    withSmallFolder("1m", async (folder) => {
      await withStore(
        async ({ store }) => {
          const import_ = store.import(
            "a",
            streamOf(...Array(64).fill(bytes(16 * BLOCK, () => 1))),
          );
          assertStringIncludes(await refusal(() => import_), "507 file: No space left on device");
          assertEquals([...Deno.readDirSync(folder)], []);
        },
        {},
        folder,
      );
    }),
});
