/** The host's TCP ports that lead to a VM. */

import type { Gateway } from "../gateway/gateway.ts";
import { vmNetwork } from "../network.ts";
import { publish } from "../publish.ts";
import { RequestError } from "../request_error.ts";
import type { VmRecord } from "./record.ts";

/**
 * Opens the ports a VM was asked to publish and adds them to `vm.published`. Throws a RequestError
 * that names the one that cannot be opened; those before it stay open, for the caller to close.
 */
export function openPorts(vm: VmRecord, gateway: Gateway | undefined): void {
  for (const [index, { hostname, host, guest }] of vm.request.publish.entries()) {
    const field = `publish[${index}]`;
    if (gateway === undefined) {
      throw new RequestError(field, "this VM has no network", "no published ports");
    }
    const target = { address: vmNetwork(vm.id).address, port: guest };
    try {
      const port = publish(gateway, { hostname, port: host }, target);
      vm.published.push({ hostname, host: port.port, guest, close: () => port.close() });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RequestError(field, reason, "a free port on an address of this host", 409);
    }
  }
}
