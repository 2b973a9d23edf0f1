/**
 * One listening address for both: requests to `NAME.localhost` go to the VM of that name, all others
 * to the control endpoint.
 */

import { createControl } from "./control.ts";
import { createIngress, ingressName } from "./ingress.ts";
import { vmNetwork } from "./network.ts";
import type { Supervisor } from "./supervisor.ts";

/** TCP port of a VM's web server, unless it publishes another. */
const HTTP_PORT = 80;

export function createHandler(supervisor: Supervisor): (request: Request) => Promise<Response> {
  const control = createControl(supervisor);
  const { network } = supervisor;
  if (network === undefined) return async (request) => await control.fetch(request);
  const ingress = createIngress({
    gateway: network.gateway,
    resolve(name) {
      const vm = supervisor.lookup(name);
      if (vm === undefined) return undefined;
      return { address: vmNetwork(vm.id).address, port: vm.publish[0]?.guest ?? HTTP_PORT };
    },
  });
  return async (request) => {
    const host = request.headers.get("host") ?? new URL(request.url).host;
    return ingressName(host) === undefined ? await control.fetch(request) : await ingress(request);
  };
}
