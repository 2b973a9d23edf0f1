/** Makes the network that an `--uplink` asks for. */

import type { EgressSettings } from "../egress/egress.ts";
import { Network } from "../network.ts";
import type { UplinkSettings } from "./settings.ts";
import { TapWire } from "./tap_wire.ts";

/** Rejects with an UplinkError that says what to do. */
export async function openNetwork(
  settings: UplinkSettings = { kind: "gateway" },
  egress?: EgressSettings,
): Promise<Network> {
  if (settings.kind === "gateway") return new Network({ egress });
  if (settings.kind === "none") return new Network({ gateway: false });
  if (settings.kind === "wire") return new Network({ plan: settings.plan, wire: settings.wire });
  const wire = await TapWire.open(settings);
  return new Network({ plan: wire.plan, wire });
}
