/**
 * Birth of a web server among 1,000 others: milliseconds from the request to create it to the first byte it serves, and boots per second and core.
 *
 *     deno task bench scale_birth [--vms N] [--births N] [--cells N] [--engine NAME]
 *
 * The server is warmed up by births until they cost no less (scale/warm_up.ts), and those VMs are removed.
 * Then N VMs are booted, several at a time, which gives the rate; the cores are those that the server
 * used meanwhile, by the processor time that Linux counts for it. Then VMs are born one after the other
 * and removed again, which gives the time. What the client takes of the machine is in the table.
 * It takes a minute and a half at most.
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildGuests } from "../../guests/build.ts";
import { cpuTimes, usedBetween } from "../load/cpu.ts";
import { fetchPage } from "../load/fleet.ts";
import { percentile } from "../load/load.ts";
import { printTable, save } from "./report/report.ts";
import { GrowingFleet } from "./scale/growing_fleet.ts";
import { warmUp, warmUpText } from "./scale/warm_up.ts";

const WARM_BIRTHS = 300;
const DECILES = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99];

const flags = parseArgs(Deno.args, { string: ["vms", "births", "cells", "engine"] });
const engine = flags.engine === undefined ? [] : ["--engine", flags.engine];
const vms = Number(flags.vms ?? 1000), births = Number(flags.births ?? 300);

await buildGuests(["httpd"]);
const fleet = await GrowingFleet.start(["--cells", flags.cells ?? "1", "--pool", "2G", ...engine]);
const firstByte = new Float64Array(births);
try {
  const { server } = fleet;
  const warm = await warmUp(async () => {
    const { cpuSeconds } = await fleet.grow(WARM_BIRTHS);
    await fleet.shrink(0);
    return { answered: WARM_BIRTHS, serverMicroseconds: cpuSeconds * 1e6 / WARM_BIRTHS };
  });
  console.log(`the server was ${warmUpText(warm)}\n`);
  const growth = await fleet.grow(vms);
  const before = await Promise.all([Deno.pid, server.pid].map(cpuTimes));
  const begun = performance.now();
  for (let n = 0; n < births; n++) {
    const start = performance.now();
    await server.create({ name: "child", image: "httpd", memory: "16M" });
    await fetchPage(server.address, "child");
    firstByte[n] = performance.now() - start;
    await server.request("DELETE", "/v1/vms/child");
  }
  const passed = (performance.now() - begun) / 1000;
  const after = await Promise.all([Deno.pid, server.pid].map(cpuTimes));
  const [client, own] = before.map((each, i) => usedBetween(each, after[i]).total / passed);
  firstByte.sort();
  const result = {
    vms: fleet.size,
    births,
    firstByteP50: percentile(firstByte, 0.5),
    firstByteP99: percentile(firstByte, 0.99),
    bootsPerSecond: vms / growth.seconds,
    bootsPerCoreSecond: vms / growth.cpuSeconds,
    serverCores: own,
    clientCores: client,
  };
  printTable(["", "value"], [
    [`VMs there already`, String(result.vms)],
    ["create to first byte, p50", `${result.firstByteP50.toFixed(2)} ms`],
    ["create to first byte, p99", `${result.firstByteP99.toFixed(2)} ms`],
    ["boots per second, several at a time", result.bootsPerSecond.toFixed(0)],
    ["boots per second and core of the server", result.bootsPerCoreSecond.toFixed(0)],
    ["cores used by the server, by its client", `${own.toFixed(2)}, ${client.toFixed(2)}`],
  ]);
  await save("scale_birth", { ...result, warm, firstByte: [...firstByte] }, [{
    label: "milliseconds to first byte",
    points: DECILES.map((percent) => [percent, percentile(firstByte, percent / 100)]),
  }], {
    title: `Births among ${result.vms} web servers`,
    xLabel: "percent of births",
    yLabel: "milliseconds",
  });
} finally {
  await fleet.stop();
}
