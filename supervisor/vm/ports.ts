/** The host's ports that lead to a VM. */

import { isBooting } from "../booting.ts";
import type { Network } from "../network.ts";
import { publish } from "../publish.ts";
import { publishDatagrams } from "../publish_datagrams.ts";
import { RequestError } from "../request_error.ts";
import type { PublishedPort, VmRecord } from "./record.ts";
import type { PortMapping } from "./request.ts";

/**
 * Opens ports of the host that lead to a VM, adds them to `vm.published` and returns them. Rejects with a
 * RequestError that names the one that cannot be opened; those before it stay open, for the caller to close.
 */
export async function openPorts(
  vm: VmRecord,
  network: Network | undefined,
  wanted: readonly PortMapping[],
): Promise<PublishedPort[]> {
  const opened: PublishedPort[] = [];
  for (const [index, mapping] of wanted.entries()) {
    const { hostname, guest, protocol = "tcp" } = mapping;
    const field = `publish[${index}]`;
    if (network?.gateway === undefined) {
      const why = network ? "with --uplink none nobody reaches a VM" : "this VM has no network";
      throw new RequestError(field, why, "no published ports");
    }
    const target = {
      // A DHCP server can lend it another.
      get address() {
        return vm.address;
      },
      port: guest,
      get booting() {
        return isBooting(vm.startedAt);
      },
    };
    try {
      const open = protocol === "udp" ? publishDatagrams : publish;
      const port = await open(network.gateway, { hostname, port: mapping.host }, target);
      const { port: host, stats } = port;
      opened.push({ hostname, host, guest, protocol, stats, close: () => port.close() });
      vm.published.push(opened[index]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RequestError(field, reason, "a free port on an address of this host", 409);
    }
  }
  return opened;
}

/** Closes one of a VM's ports, and ends its connections; one that is closed is left alone. */
export function closePort(vm: VmRecord, port: PublishedPort): void {
  const index = vm.published.indexOf(port);
  if (index < 0) return;
  vm.published.splice(index, 1);
  port.close();
}
