/**
 * One listening address for both: requests to `NAME.localhost` go to the VM of that name, all others
 * to the control endpoint.
 */

import { createControl } from "./control.ts";
import { createIngress, type IngressInfo, ingressName } from "./ingress/ingress.ts";
import { vmNetwork } from "./network.ts";
import type { Supervisor } from "./supervisor.ts";

/** TCP port of a VM's web server, unless it publishes another. */
const HTTP_PORT = 80;

/** States in which nothing will ever answer. A paused VM may still be resumed. */
const NOT_RUNNING = ["created", "stopped", "crashed"];

/** What Deno.serve calls for each request. */
export interface ServerHandler {
  (request: Request, info?: IngressInfo): Promise<Response>;
  /** Closes the connections to VMs. */
  readonly close: () => void;
}

export function createHandler(supervisor: Supervisor): ServerHandler {
  const control = createControl(supervisor);
  const ingress = supervisor.network && createIngress({
    gateway: supervisor.network.gateway,
    resolve(name) {
      const vm = supervisor.lookup(name);
      if (vm === undefined) return undefined;
      const down = NOT_RUNNING.includes(vm.state) ? `is ${vm.state}` : undefined;
      return { address: vmNetwork(vm.id).address, port: vm.publish[0]?.guest ?? HTTP_PORT, down };
    },
  });
  const handle = async (request: Request, info?: IngressInfo): Promise<Response> => {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    if (ingress !== undefined && ingressName(host) !== undefined) {
      return await ingress(request, info);
    }
    return await control.fetch(request);
  };
  return Object.assign(handle, { close: () => ingress?.close() });
}
