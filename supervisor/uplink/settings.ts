/** What `--uplink` says: where the VMs' Ethernet leads to. */

import { type AddressPlan, parseAddress, parsePool, type Pool } from "../address_plan.ts";
import type { Wire } from "../network.ts";

/** Only our own end: VMs are reached by ingress and published ports, with no privilege. */
export interface GatewaySettings {
  readonly kind: "gateway";
}

/** Nothing: VMs reach only one another. */
export interface NoUplinkSettings {
  readonly kind: "none";
}

/** A TAP device of Linux: VMs are hosts on a real Ethernet link. */
export interface TapSettings {
  readonly kind: "tap";
  readonly device: string;
  /** The device is made a port of it. */
  readonly bridge?: string;
  /** Without a bridge its first address is this host's. */
  readonly pool: Pool;
  /** What VMs are told; default: the first address of the pool; with a bridge the bridge's, or none. */
  readonly router?: number;
  /** Default: the router. */
  readonly dns?: number;
  /** Leave checksums and the cutting of TCP segments to who delivers them; default true. */
  readonly offload?: boolean;
}

/** A link of the embedder's own. */
export interface WireSettings {
  readonly kind: "wire";
  readonly wire: Wire;
  readonly plan: AddressPlan;
}

export type UplinkSettings = GatewaySettings | NoUplinkSettings | TapSettings | WireSettings;

export const TAP_DEVICE = "denali0";
/** 10.44.0.0/16. Not all of 10.0.0.0/8: a host on TAP would route it all to the VMs. */
export const TAP_POOL: Pool = { first: 0x0a2c0001, prefix: 16 };

export const UPLINK_EXPECTED =
  "gateway, none, or tap[:NAME][,bridge=BRIDGE][,pool=ADDRESS/PREFIX][,router=ADDRESS][,dns=ADDRESS]";

/** IFNAMSIZ is 16 with the final zero; Linux refuses "/" and blanks, and "%" has a meaning. */
const INTERFACE = /^(?!\.{1,2}$)[^\s/:%,=]{1,15}$/;

/** Throws an Error that says what was expected. */
export function parseUplink(text: string): UplinkSettings {
  if (text === "gateway" || text === "none") return { kind: text };
  const [head, ...options] = text.split(",");
  const [kind, device = TAP_DEVICE, ...rest] = head.split(":");
  if (kind !== "tap" || rest.length > 0) throw expected(UPLINK_EXPECTED, text);
  if (!INTERFACE.test(device)) throw expected("a name of an interface after tap:", device);
  const values: Record<string, string> = {};
  for (const option of options) {
    const [, key, value] = /^([a-z]+)=(.+)$/.exec(option) ?? [];
    if (!["bridge", "pool", "router", "dns"].includes(key) || key in values) {
      throw expected(UPLINK_EXPECTED, text);
    }
    values[key] = value;
  }
  const { bridge } = values;
  if (bridge !== undefined && !INTERFACE.test(bridge)) {
    throw expected("bridge= and the name of a bridge", bridge);
  }
  const pool = values.pool === undefined ? TAP_POOL : parsePool(values.pool);
  if (pool === undefined) {
    throw expected("pool=ADDRESS/PREFIX with a prefix from 8 to 29 and room after it", values.pool);
  }
  const { router, dns } = values;
  return {
    kind,
    device,
    bridge,
    pool,
    router: router === undefined ? undefined : readAddress("router", router),
    dns: dns === undefined ? undefined : readAddress("dns", dns),
  };
}

function readAddress(key: string, text: string): number {
  const address = parseAddress(text);
  if (address === undefined) throw expected(`${key}= and an IPv4 address`, text);
  return address;
}

function expected(what: string, got: string): Error {
  return new Error(`expected ${what}, got "${got}"`);
}
