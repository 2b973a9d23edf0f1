/**
 * Main module of the disk worker: a thread whose only permission is the folder of disks. Orders come from
 * the supervisor by message, which are few; requests come from the cells by their rings.
 */

/// <reference lib="deno.worker" />

import { Doorbell } from "../../devices/ring.ts";
import { positioned } from "../positioned.ts";
import type { DiskChannel } from "./channel.ts";
import type { HostFile } from "./file.ts";
import type { OpenOrder } from "./cell_side.ts";
import { DiskServer, type Trouble } from "./server.ts";

export type DiskOrder =
  | {
    readonly type: "cell";
    readonly cell: number;
    readonly channel: DiskChannel;
    /** The cell's status words, and where its bell is in them. */
    readonly cellStatus: SharedArrayBuffer;
    readonly cellBell: number;
  }
  | { readonly type: "drop"; readonly cell: number }
  | { readonly type: "open"; readonly sequence: number; readonly order: OpenOrder }
  | {
    readonly type: "close";
    readonly sequence: number;
    readonly cell: number;
    readonly handle: number;
  };

export type DiskNews =
  | { readonly type: "done"; readonly sequence: number; readonly error?: string }
  | { readonly type: "trouble"; readonly trouble: Trouble }
  | { readonly type: "corrupt"; readonly cell: number; readonly message: string };

function tell(news: DiskNews): void {
  self.postMessage(news);
}

function openFile(path: string, readOnly: boolean): HostFile {
  const file = Deno.openSync(path, { read: true, write: !readOnly });
  if (!file.tryLockSync(!readOnly)) {
    file.close();
    throw new Error(`${path} is in use by another process, or being copied`);
  }
  // One of its own: a file that is being flushed cannot be used otherwise meanwhile.
  const flushed = readOnly ? null : Deno.openSync(path, { write: true });
  return {
    ...positioned(file),
    sync: () => flushed!.syncData(),
    stat() {
      const { size, nlink } = file.statSync();
      return { size, links: nlink ?? 1 };
    },
    close() {
      file.close();
      flushed?.close();
    },
  };
}

const server = new DiskServer({
  open: openFile,
  trouble: (trouble) => tell({ type: "trouble", trouble }),
  corrupt: (cell, message) => tell({ type: "corrupt", cell, message }),
});

async function obey(order: DiskOrder): Promise<void> {
  switch (order.type) {
    case "cell": {
      const bell = new Doorbell(new Int32Array(order.cellStatus), order.cellBell);
      return await server.serveCell(order.cell, order.channel, bell);
    }
    case "drop":
      return server.dropCell(order.cell);
    case "open":
      return await server.open(order.order);
    case "close":
      return await server.close(order.cell, order.handle);
  }
}

self.onmessage = async ({ data }: MessageEvent<DiskOrder>) => {
  if (!("sequence" in data)) return await obey(data);
  const { sequence } = data;
  try {
    await obey(data);
    tell({ type: "done", sequence });
  } catch (error) {
    tell({ type: "done", sequence, error: (error as Error).message });
  }
};
