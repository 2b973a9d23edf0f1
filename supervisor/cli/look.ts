/** One look at the counters of a server's VMs, and what `stats` and `top` show of it alike. */

import type { VmRow } from "../cell/protocol.ts";
import { formatSize } from "../size.ts";
import { PAGE_BYTES } from "../swap/channel.ts";
import type { Client } from "./client.ts";
import { listVms } from "./vms.ts";

export interface Look {
  /** Of performance.now. */
  readonly time: number;
  readonly rows: readonly VmRow[];
  /** By number. */
  readonly names: ReadonlyMap<number, string>;
}

export async function look(client: Client): Promise<Look> {
  const [rows, vms] = await Promise.all([client.get<VmRow[]>("/v1/stats"), listVms(client)]);
  const names = new Map(vms.map(({ id, name }) => [id, name]));
  return { time: performance.now(), rows, names };
}

/** Number, name and state. */
export function about({ id, state }: VmRow, names: ReadonlyMap<number, string>): string[] {
  return [String(id), names.get(id) ?? "?", state];
}

/** Its own memory, and what is in swap. */
export function memoryOf({ residentPages, swappedPages }: VmRow): string[] {
  return [formatSize(residentPages * PAGE_BYTES), formatSize(swappedPages * PAGE_BYTES)];
}
