/** A cell's Worker with the kernel replaced by a StubKernel. */

/// <reference lib="deno.worker" />

import { HostClock } from "../../kernel/clock.ts";
import { runCell } from "../cell/loop.ts";
import { type CellStart, STOP } from "../cell/protocol.ts";
import { StubKernel } from "./stub_kernel.ts";

self.onmessage = ({ data }: MessageEvent<CellStart>) => {
  const words = new Int32Array(data.channel.status);
  // Ends when the cell is told to stop, as a real bug would not: the test process has to end.
  const stall = () => {
    while (Atomics.load(words, STOP) === 0);
  };
  runCell(data, new HostClock(), {
    create: (events) => new StubKernel(events, stall),
    crashText: (vm) => `crash report: ${vm.crash?.reason}`,
  });
  self.close();
};
