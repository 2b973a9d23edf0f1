import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Doorbell, RingCorruption, RingWriter } from "../../devices/ring.ts";
import type { SwapTransfer } from "../../kernel/swap_device.ts";
import { MemoryFile } from "../testing/memory_file.ts";
import { createSwapChannel, SWAP_READ, SWAP_STOP, SWAP_WANTED, SWAP_WRITE } from "./channel.ts";
import { ChannelSwapDevice } from "./device.ts";
import { type SwapFile, SwapServer } from "./server.ts";

const PAGE = 4096;

function setup(open?: () => SwapFile) {
  const channel = createSwapChannel(64 * PAGE, 16 * PAGE);
  const pool = new Uint8Array(64 * PAGE);
  const bells = new Int32Array(new SharedArrayBuffer(64));
  const file = new MemoryFile();
  const device = new ChannelSwapDevice(channel, pool, new Doorbell(bells, 0));
  const server = new SwapServer(channel, new Doorbell(bells, 4), open ?? (() => file));
  /** Serves what waits and tells how each transfer ended. */
  const ends = (): [SwapTransfer, number][] => {
    server.serve();
    const ended: [SwapTransfer, number][] = [];
    device.poll((transfer, status) => ended.push([transfer, status]));
    return ended;
  };
  return { channel, pool, device, server, file, ends };
}

function transfer(write: boolean, slots: number[], frames: number[]): SwapTransfer {
  return { write, slots, frames: frames.map((frame) => frame * PAGE) };
}

Deno.test("pages come back as they were written, neighbours by one operation", () => {
  const { pool, device, file, ends } = setup();
  pool.forEach((_, i) => pool[i] = (i >>> 12) * 7 + i);
  const before = pool.slice();
  device.begin(transfer(true, [3, 4, 5, 9, 63], [10, 2, 30, 4, 5]));
  pool.fill(0);
  assertEquals(ends().map(([, status]) => status), [0]);
  assertEquals(file.log, ["write 3 3", "write 9 1", "write 63 1"]);
  device.begin(transfer(false, [4, 5, 63], [2, 30, 5]));
  assertEquals(ends().map(([, status]) => status), [0]);
  for (const frame of [2, 30, 5]) {
    const at = frame * PAGE;
    assertEquals(pool.subarray(at, at + PAGE), before.subarray(at, at + PAGE));
  }
});

Deno.test("as many transfers as there are places are under way at once, and every place comes back", () => {
  const { channel, device, ends } = setup();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < channel.places; i++) {
      assertEquals(device.ready, true);
      device.begin(transfer(true, Array.from({ length: 16 }, (_, n) => n), Array(16).fill(i + 1)));
    }
    assertEquals(device.ready, false);
    assertEquals(ends().length, channel.places);
  }
  assertEquals(device.ready, true);
});

Deno.test("a file that moves less than it was asked is asked again for the rest", () => {
  const { pool, device, file, ends } = setup();
  pool.fill(9);
  file.trouble = (_what, length) => Math.min(length, 1000);
  device.begin(transfer(true, [1, 2], [1, 2]));
  assertEquals(ends()[0][1], 0);
  assertEquals(file.bytes.subarray(PAGE, 3 * PAGE).every((byte) => byte === 9), true);
});

Deno.test("an error of the disk, and the end of the file, are failures that say what they are", () => {
  const { device, file, ends } = setup();
  file.trouble = () => {
    throw new Error("Input/output error (os error 5)");
  };
  device.begin(transfer(true, [1], [1]));
  const [[failed, status]] = ends();
  assertEquals([status, failed.error], [2, "Input/output error (os error 5)"]);
  file.trouble = () => 0;
  device.begin(transfer(false, [1, 2], [1, 2]));
  const [[short, how]] = ends();
  assertEquals(how, 2);
  assertStringIncludes(short.error!, "expected 8192 bytes at 4096 to be read, 0 were");
});

Deno.test("a full disk, and a file that cannot be opened, are no room and are tried again", () => {
  let openable = false;
  const file = new MemoryFile();
  const { device, ends } = setup(() => {
    if (openable) return file;
    throw new Deno.errors.NotFound("no such folder");
  });
  device.begin(transfer(true, [1], [1]));
  assertEquals(ends()[0][1], 1);
  openable = true;
  file.trouble = () => {
    throw Object.assign(new Error("os error 28"), { code: "ENOSPC" });
  };
  device.begin(transfer(true, [1], [1]));
  assertEquals(ends()[0][1], 1);
  file.trouble = (_what, length) => length;
  device.begin(transfer(true, [1], [1]));
  assertEquals(ends()[0][1], 0);
});

Deno.test("a cell that asks for another place, slot or length is not served", () => {
  const slots = (...numbers: number[]) => new Uint8Array(Int32Array.from(numbers).buffer);
  const wrong: [number, number, Uint8Array][] = [
    [SWAP_READ, -1, slots(1)],
    [SWAP_READ, 1000, slots(1)],
    [SWAP_WRITE, 0, slots(-1)],
    [SWAP_WRITE, 0, slots(64)],
    [SWAP_WRITE, 0, slots(2, 1)],
    [SWAP_WRITE, 0, slots(...Array.from({ length: 17 }, (_, n) => n))],
    [SWAP_WRITE, 0, slots()],
    [7, 0, slots(1)],
  ];
  for (const [kind, place, payload] of wrong) {
    const { channel, server, file } = setup();
    new RingWriter(channel.requests).write(kind, place, 0, payload);
    assertThrows(() => server.serve(), RingCorruption);
    assertEquals(file.log, []);
  }
});

Deno.test("a server that is told to stop closes its file", () => {
  const { channel, device, server, file } = setup();
  device.begin(transfer(true, [1], [1]));
  server.serve();
  const words = new Int32Array(channel.status);
  assertEquals(words[SWAP_WANTED], 1);
  words[SWAP_STOP] = 1;
  server.run();
  assertEquals(file.closed, true);
});
