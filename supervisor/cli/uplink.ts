/** `--uplink`: where the VMs' Ethernet leads to. */

import { formatPool } from "../address_plan.ts";
import { parseUplink, TAP_DEVICE, TAP_POOL, type UplinkSettings } from "../uplink/settings.ts";
import { UsageError } from "./command.ts";

/** Lines for --help. */
export const UPLINK_HELP = `  --uplink UPLINK     what the VMs' network leads to (default gateway):
                      gateway  nothing; VMs are reached by name and by published ports
                      none     nothing; VMs reach only one another
                      tap[:NAME][,bridge=BRIDGE][,pool=ADDRESS/PREFIX][,router=ADDRESS]
                          [,dns=ADDRESS]
                               also a TAP device of Linux (default ${TAP_DEVICE}), so that VMs are
                               hosts on a real link. VM n has the n-th address after ADDRESS
                               (default ${formatPool(TAP_POOL)}), which is this host's on the device
                               unless that is a port of a bridge. The device is made with
                               CAP_NET_ADMIN; without, prepare it (ip tuntap add ... user ...)`;

/** Throws a UsageError that tells what was expected. */
export function readUplink(text = "gateway"): UplinkSettings {
  try {
    return parseUplink(text);
  } catch (error) {
    throw new UsageError(`--uplink: ${(error as Error).message}`);
  }
}
