/**
 * Main module of a cell's swap worker: a thread whose only permission is the folder of its file.
 *
 * The file has no name as soon as it is open. So its space is given back however the process ends, no two
 * processes can share it, and nobody can open it by its path.
 */

/// <reference lib="deno.worker" />

import { Doorbell } from "../../devices/ring.ts";
import { positioned } from "../positioned.ts";
import type { SwapChannel } from "./channel.ts";
import { type SwapFile, SwapServer } from "./server.ts";

export interface SwapWorkerStart {
  readonly channel: SwapChannel;
  /** The cell's status words, and where its bell is in them. */
  readonly cellStatus: SharedArrayBuffer;
  readonly cellBell: number;
  /** An existing folder; the only one that this worker may touch. */
  readonly folder: string;
  /** The folder is for this file alone, and goes with its name. */
  readonly temporary: boolean;
}

function openFile({ folder, temporary }: SwapWorkerStart): SwapFile {
  const path = `${folder}/${crypto.randomUUID()}.swap`;
  const file = Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
  Deno.removeSync(path);
  if (temporary) Deno.removeSync(folder);
  return { ...positioned(file), close: () => file.close() };
}

self.onmessage = ({ data }: MessageEvent<SwapWorkerStart>) => {
  const { channel, cellStatus, cellBell } = data;
  const bell = new Doorbell(new Int32Array(cellStatus), cellBell);
  new SwapServer(channel, bell, () => openFile(data)).run();
  self.close();
};
