/**
 * Metrics in the text format of Prometheus (version 0.0.4).
 *
 * Bounded: those per VM are shown of the first VMS_MAXIMUM VMs, and the answer is made piece by piece,
 * so that ten thousand of them do not keep other requests waiting.
 */

import { addRoute, type ControlApp } from "./route.ts";
import { sumOf } from "./system.ts";
import { DURATIONS, type Traffic } from "./traffic.ts";
import { VM_STATES, type VmRow } from "../cell/protocol.ts";
import type { Supervisor } from "../supervisor.ts";
import { VERSION } from "../version.ts";

export const VMS_MAXIMUM = 10_000;
/** Lines that are made in one go. */
const PIECE_LINES = 2000;
const PAGE_BYTES = 4096;
const MICROSECONDS = "microseconds";
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;
/** Labels, value, and what of a histogram it is. */
type Sample = readonly [Labels, number, suffix?: string];

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  samples(): Iterable<Sample>;
}

export function routeMetrics(app: ControlApp, supervisor: Supervisor, traffic: Traffic): void {
  addRoute(app, {
    method: "get",
    path: "/metrics",
    tag: "system",
    summary: "Metrics for Prometheus",
    description: "Of the server, and of each of the first 10,000 VMs.",
    access: { role: "reader", global: true },
    answers: { 200: { description: "Text format 0.0.4", type: "text/plain" } },
  }, async (c) => {
    const [stats, rows] = await Promise.all([supervisor.stats(), supervisor.rows()]);
    const metrics = [
      ...serverMetrics(supervisor, stats.cells),
      ...trafficMetrics(traffic),
      ...vmMetrics(supervisor, rows),
    ];
    return c.body(stream(lines(metrics)), 200, { "content-type": CONTENT_TYPE });
  });
}

function* serverMetrics(supervisor: Supervisor, cells: readonly unknown[]): Generator<Metric> {
  const one = (name: string, help: string, value: number, type: Metric["type"] = "gauge") => ({
    name: `denali_${name}`,
    type,
    help,
    samples: () => [[{}, value] as const],
  });
  const { capacity, events, state } = supervisor;
  yield {
    ...one("info", "The version, as a label.", 1),
    samples: () => [[{ version: VERSION }, 1]],
  };
  const counts = new Map<string, number>(VM_STATES.map((name) => [name, 0]));
  let vms = 0;
  for (const vm of supervisor.records()) {
    counts.set(vm.state, counts.get(vm.state)! + 1);
    vms++;
  }
  yield {
    ...one("vms", "Virtual machines by state.", 0),
    samples: () => [...counts].map(([state, count]) => [{ state }, count]),
  };
  yield one(
    "vm_metrics_omitted",
    "VMs of which no metrics are shown.",
    Math.max(0, vms - VMS_MAXIMUM),
  );
  yield one(
    "ready",
    "1 when all VMs are back that were to be.",
    Number(supervisor.readiness === "ready"),
  );
  yield one("cells", "Threads that run VMs.", capacity.cells);
  yield one("pool_bytes", "Memory for VMs.", capacity.poolBytes);
  yield one("promised_bytes", "Memory that VMs were promised.", capacity.promisedBytes);
  yield one("resident_bytes", "Memory of the process.", Deno.memoryUsage().rss);
  yield one("events_total", "Events so far.", events.last, "counter");
  yield one("state_commits_total", "Commits to the database.", state.commits, "counter");
  for (const group of ["frames", "swap", "disks", "engine"]) {
    for (const [name, value] of Object.entries(sumOf(cells, group))) {
      if (typeof value !== "number") continue;
      const text = `Counter ${name} of ${group}, of all cells together.`;
      yield one(`${group}_${nameOf(name)}`, text, name === MICROSECONDS ? value / 1e6 : value);
    }
  }
  for (const [protocol, counters] of Object.entries(supervisor.network?.egress?.stats() ?? {})) {
    for (const [name, value] of Object.entries<number>(counters)) {
      const text = `Counter ${name} of what VMs reach by ${protocol} beyond their network.`;
      yield one(`egress_${protocol}_${nameOf(name)}`, text, value);
    }
  }
}

function* trafficMetrics(traffic: Traffic): Generator<Metric> {
  yield {
    name: "denali_http_requests_total",
    type: "counter",
    help: "Requests to the control endpoint by route and status.",
    *samples() {
      for (const { method, route, statuses } of traffic.routes()) {
        for (const [status, count] of statuses) yield [{ method, route, status }, count];
      }
    },
  };
  yield {
    name: "denali_http_request_duration_seconds",
    type: "histogram",
    help: "Until an answer of the control endpoint began.",
    *samples() {
      for (const { method, route, within, requests, seconds } of traffic.routes()) {
        for (const [index, count] of within.entries()) {
          yield [{ method, route, le: DURATIONS[index] }, count, "_bucket"];
        }
        yield [{ method, route, le: "+Inf" }, requests, "_bucket"];
        yield [{ method, route }, seconds, "_sum"];
        yield [{ method, route }, requests, "_count"];
      }
    },
  };
}

/** Of the first VMS_MAXIMUM VMs of `rows` that there still are. */
export function* vmMetrics(
  supervisor: Pick<Supervisor, "record">,
  rows: readonly VmRow[],
): Generator<Metric> {
  const shown: { labels: Labels; row: VmRow; restarts: number }[] = [];
  for (const row of rows) {
    const vm = supervisor.record(row.id);
    if (vm === undefined) continue;
    if (shown.length === VMS_MAXIMUM) break;
    shown.push({ labels: { vm: row.id, name: vm.name }, row, restarts: vm.restarts });
  }
  const metric = (
    name: string,
    type: Metric["type"],
    help: string,
    value: (row: VmRow, restarts: number) => number,
  ): Metric => ({
    name: `denali_vm_${name}`,
    type,
    help,
    *samples() {
      for (const { labels, row, restarts } of shown) yield [labels, value(row, restarts)];
    },
  });
  yield metric(
    "running",
    "gauge",
    "1 if it runs or waits for something.",
    ({ state }) => Number(state === "running" || state === "idle"),
  );
  yield metric("instructions_total", "counter", "Instructions retired.", (row) => row.instructions);
  yield metric("quanta_total", "counter", "Turns on the processor.", (row) => row.quanta);
  yield metric(
    "resident_bytes",
    "gauge",
    "Memory of its own.",
    (row) => row.residentPages * PAGE_BYTES,
  );
  yield metric(
    "swapped_bytes",
    "gauge",
    "Memory in swap only.",
    (row) => row.swappedPages * PAGE_BYTES,
  );
  yield metric("page_faults_total", "counter", "Waits for pages in swap.", (row) => row.faults);
  yield metric(
    "restarts",
    "gauge",
    "Starts by its restart policy in a row.",
    (_, restarts) => restarts,
  );
}

export function* lines(metrics: Iterable<Metric>): Generator<string> {
  for (const { name, type, help, samples } of metrics) {
    yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value, suffix = ""] of samples()) {
      const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
      yield `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
    }
  }
}

/** In pieces, each made when it is wanted. Labels hold nothing that needs an escape: names and routes. */
function stream(lines: Generator<string>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      // A turn of the event loop between the pieces is for others.
      await new Promise((resolve) => setTimeout(resolve, 0));
      let text = "";
      for (let count = 0; count < PIECE_LINES; count++) {
        const { done, value } = lines.next();
        if (done) {
          if (text !== "") controller.enqueue(encoder.encode(text));
          return controller.close();
        }
        text += value;
      }
      controller.enqueue(encoder.encode(text));
    },
  }, { highWaterMark: 0 });
}

/** As Prometheus wants it: base units, and no name of a counter for what is none. */
function nameOf(name: string): string {
  if (name === MICROSECONDS) return "seconds";
  if (name === "total") return "all";
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace(/\W/g, "_");
}
