/**
 * One listening address for both: requests to `NAME.localhost` go to the VM of that name, all others
 * to the control endpoint.
 */

import { isBooting } from "./booting.ts";
import { type ControlOptions, createControl } from "./control.ts";
import { createIngress, type IngressInfo, ingressName } from "./ingress/ingress.ts";
import type { Supervisor } from "./supervisor.ts";

/** TCP port of a VM's web server, unless it publishes another. */
const HTTP_PORT = 80;

/** States in which nothing will ever answer. A paused VM may still be resumed. */
const NOT_RUNNING = ["created", "stopped", "crashed"];

export interface RequestInfo extends IngressInfo {
  /** It came to a place that only this machine reaches; default true. */
  readonly open?: boolean;
}

/** What Deno.serve calls for each request. */
export interface ServerHandler {
  (request: Request, info?: RequestInfo): Promise<Response>;
  /** Closes the connections to VMs. */
  readonly close: () => void;
}

export function createHandler(supervisor: Supervisor, options?: ControlOptions): ServerHandler {
  const control = createControl(supervisor, options);
  const ingress = supervisor.network?.gateway && createIngress({
    gateway: supervisor.network.gateway,
    resolve(name) {
      const vm = supervisor.endpoint(name);
      if (vm === undefined) return undefined;
      const { address, port = HTTP_PORT, state, startedAt } = vm;
      const down = NOT_RUNNING.includes(state) ? `is ${state}` : undefined;
      return { address, port, down, booting: isBooting(startedAt) };
    },
  });
  const handle = async (request: Request, info: RequestInfo = {}): Promise<Response> => {
    const { remoteAddr, open = true } = info;
    const host = request.headers.get("host") ?? new URL(request.url).host;
    if (open && ingressName(host) !== undefined) {
      if (ingress !== undefined) return await ingress(request, info);
      return new Response("no VM is reached here: the network leads nowhere\n", { status: 502 });
    }
    return await control.fetch(request, { remote: remoteAddr?.hostname, open });
  };
  return Object.assign(handle, { close: () => ingress?.close() });
}
