/**
 * Web servers through the gateway: throughput, latency, birth and memory for 1, 10 and 100 VMs.
 *
 * `denali up` runs in a process of its own with one cell; the load generator shares the machine with
 * it (one thread, closed loop, 32 connections, or one per VM if there are fewer).
 */

import { buildGuests } from "../../guests/build.ts";
import { contextSwitchMicroseconds } from "../load/context_switch.ts";
import { bootFleet, hostOf, strangers } from "../load/fleet.ts";
import { load, percentile } from "../load/load.ts";
import { TestServer } from "../load/server.ts";
import { printTable, save } from "./report/report.ts";

const SIZES = [1, 10, 100];
const WARM_SECONDS = 2;
const SECONDS = 5;

interface Row {
  readonly vms: number;
  readonly bootsPerSecond: number;
  readonly firstByteP50: number;
  readonly firstByteP99: number;
  readonly requestsPerSecond: number;
  readonly latencyP50: number;
  readonly latencyP99: number;
  /** Bytes by which the process grew with each VM after the first; NaN for one VM. */
  readonly residentPerVm: number;
  readonly privateFramesPerVm: number;
}

async function measure(vms: number): Promise<Row> {
  const server = await TestServer.start({ args: ["--cells", "1"] });
  try {
    let first = 0;
    const fleet = await bootFleet(server, vms, async (booted) => {
      if (booted === 1) first = await server.residentBytes();
    });
    const wrong = await strangers(server, fleet.names);
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
    const resident = await server.residentBytes() - first;
    const { frames } = await server.request("GET", "/v1/system");
    const order = {
      address: server.address,
      hosts: fleet.names.map(hostOf),
      path: "/",
      connections: Math.min(32, Math.max(vms, 8)),
    };
    await load({ ...order, seconds: WARM_SECONDS });
    const result = await load({ ...order, seconds: SECONDS });
    const failures = Object.entries(result.failures);
    if (failures.length > 0) throw new Error(`requests failed: ${JSON.stringify(failures)}`);
    return {
      vms,
      bootsPerSecond: vms / fleet.seconds,
      firstByteP50: percentile(fleet.firstByte, 0.5),
      firstByteP99: percentile(fleet.firstByte, 0.99),
      requestsPerSecond: result.answered / result.seconds,
      latencyP50: percentile(result.latencies, 0.5),
      latencyP99: percentile(result.latencies, 0.99),
      residentPerVm: vms > 1 ? resident / (vms - 1) : NaN,
      privateFramesPerVm: frames.private / vms,
    };
  } finally {
    await server.stop();
  }
}

await buildGuests();
const rows: Row[] = [];
for (const vms of SIZES) rows.push(await measure(vms));

printTable(
  [
    "VMs",
    "boots/s",
    "birth p50 ms",
    "p99",
    "req/s",
    "latency p50 ms",
    "p99",
    "RSS KiB/VM",
    "frames/VM",
  ],
  rows.map((row) => [
    String(row.vms),
    row.bootsPerSecond.toFixed(0),
    row.firstByteP50.toFixed(1),
    row.firstByteP99.toFixed(1),
    row.requestsPerSecond.toFixed(0),
    row.latencyP50.toFixed(2),
    row.latencyP99.toFixed(2),
    (row.residentPerVm / 1024).toFixed(0),
    row.privateFramesPerVm.toFixed(1),
  ]),
);
const contextSwitch = contextSwitchMicroseconds();
console.log(`\ncontext switch: ${contextSwitch.toFixed(2)} µs`);
await save(
  "fleet",
  { rows, contextSwitchMicroseconds: contextSwitch },
  [{ label: "requests per second", points: rows.map((row) => [row.vms, row.requestsPerSecond]) }],
  {
    title: "Web servers through the gateway",
    xLabel: "virtual machines",
    yLabel: "requests per second",
    logarithmicX: true,
  },
);
