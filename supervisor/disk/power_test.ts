/** What a flush promises, on a file that forgets whatever was not flushed. */

import { assert, assertEquals } from "@std/assert";
import { Doorbell } from "../../devices/ring.ts";
import { CONSTANTS } from "../../kernel/abi.ts";
import type { Vm } from "../../kernel/vm.ts";
import { MemoryFile } from "../testing/memory_file.ts";
import { BLOCK_BYTES, createDiskChannel } from "./channel.ts";
import { ChannelDiskDevice } from "./device.ts";
import { DiskServer } from "./server.ts";

const WRITE = CONSTANTS.DISK_WRITE.value, FLUSH = CONSTANTS.DISK_FLUSH.value;
const DONE = CONSTANTS.DISK_DONE.value;

/** A file whose writes are in memory only until a flush: it takes what was there when the flush began. */
class VolatileFile extends MemoryFile {
  readonly durable = new Uint8Array(this.bytes.length);

  override async sync(): Promise<void> {
    const now = this.bytes.slice();
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.durable.set(now);
  }
}

Deno.test("what was written before a flush that has ended survives a loss of power at any moment", async () => {
  let seed = 99;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  for (let round = 0; round < 10; round++) {
    const file = new VolatileFile();
    const server = new DiskServer({ open: () => file, trouble: () => {}, corrupt: assert });
    const channel = createDiskChannel();
    server.serveCell(1, channel, new Doorbell(new Int32Array(new SharedArrayBuffer(64)), 0));
    const device = new ChannelDiskDevice(channel);
    await server.open({ cell: 1, handle: 7, vm: 7, path: "/a", blocks: 64, readOnly: false });
    /** The number of the last write to each block, and what a flush that has ended covers of it. */
    const written = new Int32Array(64), safe = new Int32Array(64);
    const covered = new Map<number, Int32Array>();
    let number = 0, tag = 0;
    const begin = (operation: number, block: number, count: number) => {
      const place = device.reserve(count);
      for (let i = 0; i < count; i++) {
        written[block + i] = ++number;
        new DataView(device.staging.buffer).setInt32(place + i * BLOCK_BYTES, number, true);
      }
      if (operation === FLUSH) covered.set(tag, written.slice());
      const owner = undefined as unknown as Vm;
      device.begin(place, {
        owner,
        handle: 7,
        operation,
        tag: tag++,
        block,
        count,
        buffer: 0,
        status: 0,
      });
    };
    for (let step = 0, steps = 20 + random(100); step < steps; step++) {
      if (random(4) === 0) {
        begin(FLUSH, 0, 0);
      } else {
        const block = random(64);
        begin(WRITE, block, 1 + random(Math.min(4, 64 - block)));
      }
      if (random(3) === 0) await new Promise((resolve) => setTimeout(resolve, random(3)));
      device.poll((transfer, _place, status) => {
        assertEquals(status, DONE);
        covered.get(transfer.tag)?.forEach((value, block) => {
          safe[block] = Math.max(safe[block], value);
        });
      });
      const view = new DataView(file.durable.buffer);
      for (let block = 0; block < 64; block++) {
        const durable = view.getInt32(block * BLOCK_BYTES, true);
        assert(durable >= safe[block], `block ${block}: ${durable} of ${safe[block]}`);
      }
    }
    server.dropCell(1);
  }
});
