/** What the disk worker does with requests, whatever cells ask and files do. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Doorbell, RingWriter } from "../../devices/ring.ts";
import { CONSTANTS } from "../../kernel/abi.ts";
import { until } from "../../tests/support/until.ts";
import { DiskServerSetup as Setup } from "../testing/disk_server.ts";
import { BLOCK_BYTES, SLOTS } from "./channel.ts";

const READ = CONSTANTS.DISK_READ.value;
const WRITE = CONSTANTS.DISK_WRITE.value;
const FLUSH = CONSTANTS.DISK_FLUSH.value;
const DONE = CONSTANTS.DISK_DONE.value;
const ERROR = CONSTANTS.DISK_ERROR.value;
const FULL = CONSTANTS.DISK_FULL.value;

Deno.test("blocks come back as they were written, each request by one operation", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  await t.open(1, 7, "/a");
  begin(WRITE, 7, 3, 32, 0xab);
  begin(FLUSH, 7);
  begin(READ, 7, 34, 2);
  const statuses = (await ends(3)).map(({ transfer, status, bytes }) =>
    [transfer.tag, status, ...bytes.filter((_, i) => i % BLOCK_BYTES === 0)].join(" ")
  );
  assertEquals(statuses.sort(), [`0 0 ${Array(32).fill(171).join(" ")}`, "1 0", "2 0 171 0"]);
  const { log } = t.files.get("/a")!;
  assertEquals(log.filter((line) => line !== "sync"), ["open rw", "write 3 32", "read 34 2"]);
  await t.finish();
});

Deno.test("as many requests as there are slots are under way at once", async () => {
  const t = new Setup();
  const { begin, ends, device } = t.cell(1);
  await t.open(1, 7, "/a");
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < SLOTS; i++) begin(i % 2 === 0 ? WRITE : READ, 7, i % 64, 1, i);
    assertEquals([device.reserve(0), device.reserve(1)], [-1, -1]);
    assert((await ends(SLOTS)).every(({ status }) => status === DONE));
  }
  await t.finish();
});

Deno.test("a flush ends after the writes before it, and flushes that come together share one", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  await t.open(1, 7, "/a");
  const file = t.files.get("/a")!;
  const gate = Promise.withResolvers<void>();
  file.flushed = gate.promise;
  begin(WRITE, 7, 0, 1);
  begin(FLUSH, 7);
  assertEquals((await ends(1))[0].transfer.operation, WRITE);
  // While it is under way, others go on.
  for (let i = 0; i < 5; i++) {
    begin(WRITE, 7, i, 1);
    begin(FLUSH, 7);
  }
  assertEquals((await ends(5)).map(({ transfer }) => transfer.operation), Array(5).fill(WRITE));
  gate.resolve();
  assertEquals((await ends(6)).map(({ status }) => status), Array(6).fill(DONE));
  assertEquals(file.log.filter((line) => line === "sync").length, 2);
  await t.finish();
});

Deno.test("errors of a file are statuses, and the operator is told once in a while", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  await t.open(1, 7, "/a");
  await t.open(1, 8, "/b");
  const file = t.files.get("/a")!;
  const failures: [string, number, number][] = [
    ["Input/output error (os error 5)", WRITE, ERROR],
    ["Read-only file system (os error 30)", WRITE, ERROR],
    ["Input/output error (os error 5)", READ, ERROR],
    ["No space left on device (os error 28)", WRITE, FULL],
    ["Disk quota exceeded (os error 122)", WRITE, FULL],
  ];
  for (const [message, operation, status] of failures) {
    file.trouble = () => {
      throw new Error(message);
    };
    begin(operation, 7, 0, 1);
    assertEquals((await ends(1))[0].status, status, message);
  }
  file.trouble = () => 0;
  begin(READ, 7, 0, 1);
  begin(WRITE, 7, 0, 1);
  assertEquals((await ends(2)).map(({ status }) => status), [ERROR, ERROR]);
  file.trouble = (_what, length) => Math.min(length, 1000);
  begin(WRITE, 7, 0, 2, 9);
  begin(READ, 7, 0, 2);
  assert((await ends(2)).every(({ status, bytes }) => status === DONE && bytes[8191] === 9));
  begin(WRITE, 8, 0, 1);
  assertEquals((await ends(1))[0].status, DONE);
  assertEquals(t.troubles.length, 1);
  assertStringIncludes(t.troubles[0].message, "write of 1 blocks from 0 on: Input/output error");
  await t.finish();
});

Deno.test("after a flush has failed no write and no flush of that disk is done any more", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  await t.open(1, 7, "/a");
  const file = t.files.get("/a")!;
  file.trouble = (what, length) => {
    if (what === "sync") throw new Error("Input/output error (os error 5)");
    return length;
  };
  begin(FLUSH, 7);
  assertEquals((await ends(1))[0].status, ERROR);
  file.trouble = (_what, length) => length;
  begin(WRITE, 7, 0, 1);
  begin(FLUSH, 7);
  begin(READ, 7, 0, 1);
  const ended = (await ends(3)).map(({ transfer, status }) => `${transfer.operation}: ${status}`);
  assertEquals(ended.sort(), [`${READ}: 0`, `${WRITE}: 1`, `${FLUSH}: 1`].sort());
  await t.server.close(1, 7);
  await t.open(1, 9, "/a");
  begin(WRITE, 9, 0, 1);
  assertEquals((await ends(1))[0].status, DONE);
  await t.finish();
});

Deno.test("a file that shrank or vanished takes no write", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  await t.open(1, 7, "/a");
  const file = t.files.get("/a")!;
  file.size = 63 * BLOCK_BYTES;
  begin(WRITE, 7, 0, 1);
  begin(FLUSH, 7);
  assertEquals((await ends(2)).map(({ status }) => status), [ERROR, ERROR]);
  file.size = file.bytes.length;
  file.links = 0;
  begin(WRITE, 7, 0, 1);
  assertEquals((await ends(1))[0].status, ERROR);
  assertEquals(file.log, ["open rw"]);
  await t.finish();
});

Deno.test("a VM with a long queue keeps a VM of another cell waiting for a turn at most", async () => {
  const t = new Setup();
  const busy = t.cell(1), other = t.cell(2);
  await t.open(1, 7, "/a");
  await t.open(2, 8, "/b");
  const order: string[] = [];
  for (const [path, file] of t.files) {
    file.trouble = (_what, length) => {
      order.push(path);
      return length;
    };
  }
  for (let i = 0; i < 500; i++) busy.begin(READ, 7, i % 64, 1);
  for (let i = 0; i < 10; i++) other.begin(READ, 8, i, 1);
  await Promise.all([busy.ends(500), other.ends(10)]);
  assert(order.lastIndexOf("/b") <= 32 + 10, `${order.lastIndexOf("/b")}`);
  await t.finish();
});

Deno.test("a VM whose file is slow keeps others waiting for one of its requests at a time", async () => {
  const t = new Setup();
  const slow = t.cell(1), other = t.cell(2);
  await t.open(1, 7, "/slow");
  await t.open(2, 8, "/b");
  const order: string[] = [];
  for (const [path, file] of t.files) {
    file.trouble = (_what, length) => {
      order.push(path);
      const end = performance.now() + 2;
      while (path === "/slow" && performance.now() < end) { /* a disk that seeks */ }
      return length;
    };
  }
  for (let i = 0; i < 30; i++) slow.begin(READ, 7, i, 1);
  for (let i = 0; i < 10; i++) other.begin(READ, 8, i, 1);
  await Promise.all([slow.ends(30), other.ends(10)]);
  // A turn of the others may take as long as a turn may, too, on a busy machine.
  assert(order.lastIndexOf("/b") < 25, order.join(" "));
  await t.finish();
});

Deno.test("what a cell may not ask ends that cell, and the others are served", async () => {
  const words = (...numbers: number[]) => new Uint8Array(Int32Array.from(numbers).buffer);
  const wrong: [number, number, number, Uint8Array][] = [
    [READ, -1, 7, words(0, 1, 0)],
    [READ, SLOTS, 7, words(0, 1, 0)],
    [READ, 0, 9, words(0, 1, 0)],
    [READ, 0, 7, words(64, 1, 0)],
    [READ, 0, 7, words(-1, 1, 0)],
    [READ, 0, 7, words(0, 0, 0)],
    [READ, 0, 7, words(0, 33, 0)],
    [READ, 0, 7, words(0, -1, 0)],
    [READ, 0, 7, words(0, 32, 1000)],
    [WRITE, 0, 7, words(0, 1, -1)],
    [WRITE, 0, 8, words(0, 1, 0)],
    [FLUSH, 0, 7, words(1, 0, 0)],
    [3, 0, 7, words(0, 1, 0)],
    [READ, 0, 7, words(0, 1)],
  ];
  for (const [kind, slot, handle, payload] of wrong) {
    const t = new Setup();
    const { channel } = t.cell(1), other = t.cell(2);
    await t.open(1, 7, "/a");
    await t.open(1, 8, "/boot", { readOnly: true });
    await t.open(2, 9, "/b");
    new RingWriter(channel.requests).write(kind, slot, handle, payload);
    new Doorbell(new Int32Array(channel.status), 0).ring();
    other.begin(READ, 9, 0, 1);
    assertEquals((await other.ends(1))[0].status, DONE);
    await until(() => t.corrupt.length === 1, `${kind} ${slot} ${handle} ${payload} is refused`);
    assertEquals(t.files.get("/a")!.log, ["open rw"]);
    await t.finish();
  }
});

Deno.test("a slot is not used twice at once", async () => {
  const t = new Setup();
  const { channel } = t.cell(1);
  await t.open(1, 7, "/a");
  t.files.get("/a")!.flushed = new Promise(() => {});
  const writer = new RingWriter(channel.requests);
  for (let i = 0; i < 2; i++) writer.write(FLUSH, 3, 7, new Uint8Array(12));
  new Doorbell(new Int32Array(channel.status), 0).ring();
  await until(() => t.corrupt.length === 1, "the cell is told");
});

Deno.test("a handle is closed when what was asked of it is done, its file with the last of them", async () => {
  const t = new Setup();
  const { begin, ends } = t.cell(1);
  for (const handle of [5, 6]) await t.open(1, handle, "/boot", { readOnly: true });
  await t.open(1, 7, "/a");
  await assertRejects(() => t.open(1, 8, "/a"), Error, "in use");
  await assertRejects(() => t.open(1, 8, "/boot"), Error, "in use");
  await assertRejects(() => t.open(1, 8, "/locked"), Error, "Permission denied");
  await assertRejects(() => t.open(1, 8, "/c", { blocks: 65 }), Error, "shrunk");
  const gate = Promise.withResolvers<void>();
  t.files.get("/a")!.flushed = gate.promise;
  begin(FLUSH, 7);
  let closed = false;
  const closing = t.server.close(1, 7).then(() => closed = true);
  await t.server.close(1, 5);
  assertEquals([closed, t.files.get("/boot")!.closed], [false, false]);
  await t.server.close(1, 6);
  assertEquals(t.files.get("/boot")!.closed, true);
  gate.resolve();
  await closing;
  assertEquals((await ends(1))[0].status, DONE);
  await t.open(1, 9, "/a");
  await t.finish();
});

Deno.test("a cell that is over while its disk is flushed gives the file back when that has ended", async () => {
  const t = new Setup();
  const first = t.cell(1);
  await t.open(1, 7, "/a");
  const old = t.files.get("/a")!;
  const gate = Promise.withResolvers<void>();
  old.flushed = gate.promise;
  first.begin(FLUSH, 7);
  await until(() => old.log.includes("sync"), "the flush has begun");
  t.server.dropCell(1);
  const { begin, ends } = t.cell(2);
  const opening = t.open(2, 8, "/a");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(old.closed, false);
  gate.resolve();
  await opening;
  assertEquals(old.closed, true);
  begin(READ, 8, 0, 1);
  assertEquals((await ends(1))[0].status, DONE);
  await t.finish();
});
