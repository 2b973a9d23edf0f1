/**
 * Main module of a cell's Worker: a thread without any permission that runs guest code.
 *
 * It gets its shared buffers by the only message it ever receives, and then never comes back to its
 * event loop before it ends.
 */

/// <reference lib="deno.worker" />

import { Doorbell } from "../../devices/ring.ts";
import { TAKES_CHECKSUM, TAKES_SEGMENTS } from "../../devices/offload.ts";
import type { SwapOptions } from "../../kernel/swap_device.ts";
import { type CrashReport, Kernel, reportText } from "../../kernel/kernel.ts";
import { DeterministicClock, HostClock } from "../../kernel/clock.ts";
import { runCell } from "./loop.ts";
import { type CellStart, HOST_BELL } from "./protocol.ts";
import { ChannelDiskDevice } from "../disk/device.ts";
import { ChannelSwapDevice } from "../swap/device.ts";

function openSwap({ channel, options }: CellStart): SwapOptions {
  const { swapChannel } = options;
  const hostBell = new Doorbell(new Int32Array(channel.status), HOST_BELL);
  return {
    pages: swapChannel!.pages,
    open: (pool) => new ChannelSwapDevice(swapChannel!, pool, hostBell),
  };
}

self.onmessage = ({ data }: MessageEvent<CellStart>) => {
  const { deterministic, poolBytes, engine, mechanisms, swapChannel, diskChannel } = data.options;
  const clock = deterministic ? new DeterministicClock() : new HostClock();
  const swap = swapChannel && openSwap(data);
  const disks = diskChannel && new ChannelDiskDevice(diskChannel);
  runCell(data, clock, {
    create: (events) =>
      new Kernel({
        clock,
        poolBytes,
        events,
        engine,
        mechanisms,
        swap,
        disks,
        // The backbone completes frames for whoever wants that.
        uplinkTakes: TAKES_CHECKSUM | TAKES_SEGMENTS,
      }),
    crashText: (vm) => reportText(vm.crash as CrashReport),
  });
  self.close();
};
