/** The server itself: version, capacity, counters; and whether it lives and takes requests. */

import { z } from "@hono/zod-openapi";
import { ABI_VERSION } from "../../kernel/abi.ts";
import { hasLabels } from "./security/access.ts";
import { addRoute, type ControlApp } from "./route.ts";
import type { Supervisor } from "../supervisor.ts";
import { VERSION } from "../version.ts";

const tag = "system";
const Status = z.object({ status: z.string() });
const Counters = z.record(z.string(), z.unknown());

export function routeSystem(app: ControlApp, supervisor: Supervisor): void {
  addRoute(app, {
    method: "get",
    path: "/healthz",
    tag,
    summary: "Whether the process answers",
    access: { role: "public" },
    answers: { 200: { description: "It does", schema: Status } },
  }, (c) => c.json({ status: "ok" }));

  addRoute(app, {
    method: "get",
    path: "/readyz",
    tag,
    summary: "Whether all VMs that were to be brought back are",
    access: { role: "public" },
    answers: {
      200: { description: "They are", schema: Status },
      503: { description: "Not yet, or not any more", schema: Status },
    },
  }, (c) => {
    const { readiness } = supervisor;
    return c.json({ status: readiness }, readiness === "ready" ? 200 : 503);
  });

  addRoute(app, {
    method: "get",
    path: "/v1/system",
    tag,
    summary: "Version, capacity, settings and counters of the server",
    access: { role: "reader", global: true },
    answers: {
      200: {
        description: "Counters in `frames`, `swap`, `disks` and `engine` are sums over the cells",
        schema: z.object({
          version: z.string(),
          abi: z.int(),
          residentBytes: z.int(),
          vms: z.int(),
          states: z.record(z.string(), z.int()),
          capacity: z.object({ cells: z.int(), poolBytes: z.int(), promisedBytes: z.int() }),
          settings: Counters,
          orphans: z.array(z.string()).meta({
            description: "Files in the data folder that nothing refers to",
          }),
          frames: Counters,
          swap: Counters,
          disks: Counters,
          engine: Counters,
          cells: z.array(Counters),
          network: Counters.optional(),
          gateway: Counters.optional(),
          egress: Counters.optional(),
          uplink: Counters.optional(),
        }).openapi("System"),
      },
    },
  }, async (c) => c.json(await describeSystem(supervisor)));

  addRoute(app, {
    method: "get",
    path: "/v1/stats",
    tag,
    summary: "Instructions, memory and exact state of every VM",
    access: { role: "reader" },
    answers: {
      200: {
        description: "One row per VM, by number",
        schema: z.array(
          z.object({
            id: z.int(),
            state: z.string(),
            waits: z.string().nullable().meta({
              description: "What it takes no turns for though it is running: memory (a page in " +
                "swap, or a free frame), processor (its cap) or console (nobody takes its output)",
            }),
            instructions: z.int(),
            quanta: z.int(),
            residentPages: z.int(),
            swappedPages: z.int(),
            faults: z.int(),
          }).openapi("Row"),
        ),
      },
    },
  }, async (c) => {
    const rows = await supervisor.rows();
    const { labels } = c.get("caller");
    if (labels === undefined) return c.json(rows);
    return c.json(rows.filter(({ id }) => {
      const vm = supervisor.record(id);
      return vm !== undefined && hasLabels(vm.labels, labels);
    }));
  });
}

async function describeSystem(supervisor: Supervisor): Promise<Record<string, unknown>> {
  const { cells, network, gateway, egress, uplink } = await supervisor.stats();
  const states: Record<string, number> = {};
  let vms = 0;
  for (const { state } of supervisor.records()) {
    states[state] = (states[state] ?? 0) + 1;
    vms++;
  }
  return {
    version: VERSION,
    abi: ABI_VERSION,
    residentBytes: Deno.memoryUsage().rss,
    vms,
    states,
    capacity: supervisor.capacity,
    settings: supervisor.settings,
    orphans: supervisor.orphans,
    frames: sumOf(cells, "frames"),
    swap: sumOf(cells, "swap"),
    disks: sumOf(cells, "disks"),
    engine: sumOf(cells, "engine"),
    cells,
    network,
    gateway,
    egress,
    uplink,
  };
}

/** One group of counters, of all cells together; what is no number is the same in each. */
export function sumOf(cells: readonly unknown[], group: string): Record<string, unknown> {
  const sums: Record<string, unknown> = {};
  for (const cell of cells) {
    const counters = (cell as Record<string, Record<string, unknown> | undefined>)[group] ?? {};
    for (const [name, value] of Object.entries(counters)) {
      const sum = sums[name];
      sums[name] = typeof value === "number" && typeof sum === "number" ? sum + value : value;
    }
  }
  return sums;
}
