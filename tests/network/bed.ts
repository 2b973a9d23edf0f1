/**
 * For tests: guests on a link with Linux, which is 10.80.0.1 in a network namespace; VM n is
 * 10.80.0.1 + n. The link can be a bad one.
 */

import type { EngineSettings } from "../../cpu/engine_settings.ts";
import { parsePool } from "../../supervisor/address_plan.ts";
import { Supervisor } from "../../supervisor/supervisor.ts";
import { TapWire } from "../../supervisor/uplink/tap_wire.ts";
import { GuestHost } from "../support/guest_host.ts";
import { type Damage, ImpairedWire, type Impairment } from "./impaired_wire.ts";
import { Namespace, run, uniqueName } from "./namespace.ts";

export const LINUX = "10.80.0.1";
export const PREFIX = 16;
/** Linux's end. */
export const DEVICE_MAC = "02:00:00:00:00:01";
const POOL = parsePool(`${LINUX}/${PREFIX}`)!;
const POOL_BYTES = 512 * 2 ** 20;

/** DENALI_NETWORK_TEST=full: as much of everything as was promised; else as much as fits into a minute. */
export const FULL = Deno.env.get("DENALI_NETWORK_TEST") === "full";

export interface Bed {
  readonly host: GuestHost;
  readonly supervisor: Supervisor;
  readonly space: Namespace;
  /** Linux's device in the namespace. */
  readonly device: string;
  /** The link, unless offload was asked for. */
  readonly wire: ImpairedWire;
  /** What it did to frames so far. */
  readonly damage: Damage;
}

export interface BedOptions {
  readonly link?: Impairment;
  /** Instead of what `link` says: Linux and VMs leave checksums and segmentation to each other. */
  readonly offload?: boolean;
  readonly cells?: number;
  readonly engine?: EngineSettings;
}

export async function withBed(
  { link = {}, offload = false, cells = 1, engine }: BedOptions,
  test: (bed: Bed) => Promise<void>,
): Promise<void> {
  await using space = await Namespace.create();
  const device = uniqueName("tap");
  await run("ip", "tuntap", "add", "dev", device, "mode", "tap");
  let supervisor: Supervisor | undefined;
  try {
    const tap = await TapWire.open({ kind: "tap", device, pool: POOL, offload });
    const impaired = new ImpairedWire(tap, link);
    const wire = offload ? tap : impaired;
    await run("ip", "link", "set", device, "address", DEVICE_MAC);
    await space.take(device, `${LINUX}/${PREFIX}`);
    const uplink = { kind: "wire", wire, plan: tap.plan } as const;
    supervisor = await Supervisor.start({ cells, poolBytes: POOL_BYTES, uplink, engine });
    const { damage } = impaired, host = new GuestHost(supervisor);
    await test({ host, supervisor, space, device, wire: impaired, damage });
  } finally {
    await supervisor?.close();
    // It is in the namespace, or still here if something failed before.
    await space.ip("link", "delete", device)
      .catch(() => run("ip", "link", "delete", device).catch(() => {}));
  }
}
