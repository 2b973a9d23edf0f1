/** Requests that are timed, and the server in a process of its own that they go to. */

import { idleGuest, spinGuest } from "../../../supervisor/testing/guests.ts";
import { percentile } from "../../load/load.ts";
import { TestServer } from "../../load/server.ts";

export interface Row {
  readonly verb: string;
  readonly vms: number;
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Sorts the latencies. */
export function row(verb: string, vms: number, latencies: number[], milliseconds: number): Row {
  latencies.sort((a, b) => a - b);
  return {
    verb,
    vms,
    requests: latencies.length,
    perSecond: latencies.length / milliseconds * 1000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

/** `denali up` with a data folder, and the guests `idle` and `spin`. */
export async function withServer(test: (server: TestServer) => Promise<Row[]>): Promise<Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "denali-bench-control-" });
  const server = await TestServer.start({ args: ["--data", folder] });
  try {
    for (const [name, body] of [["idle", idleGuest()], ["spin", spinGuest()]] as const) {
      const response = await fetch(`${server.url}/v1/images?name=${name}`, {
        method: "POST",
        body,
      });
      if (!response.ok) throw new Error(await response.text());
      await response.body?.cancel();
    }
    return await test(server);
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}
