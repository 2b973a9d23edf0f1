/** The VMs of a server. */

import type { VmSummary } from "../vm/record.ts";
import type { Client } from "./client.ts";

/** All that the query leaves (see filter.ts), in the order of their creation. */
export async function listVms(client: Client, query = ""): Promise<VmSummary[]> {
  return await client.get<VmSummary[]>(query === "" ? "/v1/vms" : `/v1/vms?${query}`);
}
