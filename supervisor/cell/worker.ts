/**
 * Main module of a cell's Worker: a thread without any permission that runs guest code.
 *
 * It gets its shared buffers by the only message it ever receives, and then never comes back to its
 * event loop before it ends.
 */

/// <reference lib="deno.worker" />

import { type CrashReport, Kernel, reportText } from "../../kernel/kernel.ts";
import { DeterministicClock, HostClock } from "../../kernel/clock.ts";
import { runCell } from "./loop.ts";
import type { CellStart } from "./protocol.ts";

self.onmessage = ({ data }: MessageEvent<CellStart>) => {
  const { deterministic, poolBytes, engine, mechanisms } = data.options;
  const clock = deterministic ? new DeterministicClock() : new HostClock();
  runCell(data, clock, {
    create: (events) => new Kernel({ clock, poolBytes, events, engine, mechanisms }),
    crashText: (vm) => reportText(vm.crash as CrashReport),
  });
  self.close();
};
