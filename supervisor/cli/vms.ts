/** The VMs of a server. */

import type { VmSummary } from "../vm/record.ts";
import type { Client } from "./client.ts";

/** All that the query leaves (see filter.ts), in the order of their creation, page by page. */
export async function listVms(client: Client, query = ""): Promise<VmSummary[]> {
  const vms: VmSummary[] = [];
  let path: string | undefined = query === "" ? "/v1/vms" : `/v1/vms?${query}`;
  while (path !== undefined) {
    const response: Response = await client.send("GET", path);
    for (const vm of await response.json() as VmSummary[]) vms.push(vm);
    path = /^<([^>]*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return vms;
}
