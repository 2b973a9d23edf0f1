/** A disk worker's server in the test's own thread, over files in memory that fail as the test says. */

import { assert, assertEquals } from "@std/assert";
import { Doorbell } from "../../devices/ring.ts";
import type { DiskTransfer } from "../../kernel/disk_device.ts";
import type { Vm } from "../../kernel/vm.ts";
import { until } from "../../tests/support/until.ts";
import { BLOCK_BYTES, createDiskChannel } from "../disk/channel.ts";
import { ChannelDiskDevice } from "../disk/device.ts";
import { DiskServer, type Trouble } from "../disk/server.ts";
import { MemoryFile } from "./memory_file.ts";

export class DiskServerSetup {
  readonly files = new Map<string, MemoryFile>();
  readonly troubles: Trouble[] = [];
  readonly corrupt: string[] = [];
  readonly server = new DiskServer({
    open: (path, readOnly) => {
      const file = new MemoryFile();
      if (path === "/locked") throw new Error("Permission denied (os error 13)");
      this.files.set(path, file);
      file.log.push(readOnly ? "open ro" : "open rw");
      return file;
    },
    trouble: (trouble) => this.troubles.push(trouble),
    corrupt: (cell, message) => this.corrupt.push(`${cell}: ${message}`),
  });

  cell(number: number) {
    const channel = createDiskChannel();
    const words = new Int32Array(new SharedArrayBuffer(64));
    this.server.serveCell(number, channel, new Doorbell(words, 0));
    const device = new ChannelDiskDevice(channel);
    let under = 0;
    const begin = (operation: number, handle: number, block = 0, count = 0, fill = 0) => {
      const place = device.reserve(count);
      assert(place >= 0, "no place is free");
      device.staging.fill(fill, place, place + count * BLOCK_BYTES);
      const owner = undefined as unknown as Vm;
      device.begin(place, {
        owner,
        handle,
        operation,
        tag: under,
        block,
        count,
        buffer: 0,
        status: 0,
      });
      return under++;
    };
    const ended: { transfer: DiskTransfer; status: number; bytes: Uint8Array }[] = [];
    /** The statuses of what was begun, in the order in which it ended. */
    const ends = async (count: number) => {
      await until(() => {
        device.poll((transfer, place, status) =>
          ended.push({
            transfer,
            status,
            bytes: device.staging.slice(place, place + transfer.count * BLOCK_BYTES),
          })
        );
        return ended.length >= count;
      }, `${count} requests end`);
      assertEquals(ended.length, count);
      return ended.splice(0);
    };
    return { channel, device, begin, ends };
  }

  open(cell: number, handle: number, path: string, more = {}) {
    return this.server.open({
      cell,
      handle,
      vm: handle,
      path,
      blocks: 64,
      readOnly: false,
      ...more,
    });
  }

  async finish() {
    for (let cell = 0; cell < 4; cell++) this.server.dropCell(cell);
    for (const [path, file] of this.files) await until(() => file.closed, `${path} is closed`);
  }
}
