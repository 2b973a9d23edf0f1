/** The host's own disk speed, by fio over the same file. */

import type { Load, Outcome } from "./load.ts";

/** Runs a load natively: `depth` threads, each with one request at a time, through the page cache. */
export async function fio(path: string, load: Load): Promise<Outcome> {
  const { operation, pattern, blocks, depth, milliseconds } = load;
  const flush = operation === "flush";
  const { size } = await Deno.stat(path);
  const { success, stdout, stderr } = await new Deno.Command("fio", {
    args: [
      "--name=load",
      `--filename=${path}`,
      `--size=${size}`,
      `--bs=${blocks * 4096}`,
      `--rw=${(pattern === "rand" ? "rand" : "") + (operation === "read" ? "read" : "write")}`,
      "--ioengine=psync",
      "--thread",
      `--numjobs=${depth}`,
      "--group_reporting",
      "--time_based",
      `--runtime=${milliseconds}ms`,
      "--invalidate=0",
      "--output-format=json",
      ...flush ? ["--fdatasync=1"] : [],
    ],
  }).output();
  if (!success) throw new Error(`fio failed:\n${new TextDecoder().decode(stderr)}`);
  const text = new TextDecoder().decode(stdout);
  const [job] = JSON.parse(text.slice(text.indexOf("{"))).jobs;
  const moved = operation === "read" ? job.read : job.write;
  const { percentile } = flush ? job.sync.lat_ns : moved.clat_ns;
  return {
    perSecond: moved.total_ios / (moved.runtime / 1000),
    p50: percentile["50.000000"],
    p99: percentile["99.000000"],
  };
}
