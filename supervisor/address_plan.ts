/**
 * Who has which IPv4 address on the VMs' Ethernet.
 *
 *     first      the far end of the link: the gateway, or this host on its TAP device
 *     first + n  VM n; when the numbers are above the capacity they begin again
 *     own        our own end, where connections from ingress and published ports come from
 *
 * With a gateway `first` and `own` are the same: there is nobody else.
 */

import type { VmNetwork } from "./cell/protocol.ts";
import { formatAddress } from "./gateway/ipv4.ts";

/** Largest VM number: the MAC address has three bytes for it, of which ff:ff:01 is our own end's. */
export const VM_NUMBER_MAXIMUM = 0xfffeff;

export interface AddressPlan {
  /** Addresses are uint32 in host order. */
  readonly first: number;
  readonly netmask: number;
  readonly own: number;
  /** What VMs are told; 0: none. */
  readonly router: number;
  readonly dns: number;
  /** VMs that can exist at the same time. */
  readonly capacity: number;
}

export interface Pool {
  /** VM n has the n-th address after it. */
  readonly first: number;
  /** Bits of the network's part, 8 to 29. */
  readonly prefix: number;
}

/** 10.0.0.0/8: room for every VM number. */
export const GATEWAY_POOL: Pool = { first: 0x0a000001, prefix: 8 };

export function netmaskOf({ prefix }: Pool): number {
  return (2 ** 32 - 2 ** (32 - prefix)) >>> 0;
}

/** The address before the broadcast address. */
function lastHost(pool: Pool): number {
  return ((pool.first | ~netmaskOf(pool)) >>> 0) - 1;
}

/** What may differ from a link with nobody but our own end and the VMs. */
export interface LinkHosts {
  /** Somebody else has the first address: our end takes the last one. */
  readonly firstTaken?: boolean;
  /** Default: the first address. */
  readonly router?: number;
  /** Default: the router. */
  readonly dns?: number;
}

export function planAddresses(pool: Pool, hosts: LinkHosts = {}): AddressPlan {
  const { first } = pool;
  const { firstTaken = false, router = first, dns = router } = hosts;
  const own = firstTaken ? lastHost(pool) : first;
  const behind = lastHost(pool) - first - (firstTaken ? 1 : 0);
  const capacity = Math.min(behind, VM_NUMBER_MAXIMUM);
  return { first, netmask: netmaskOf(pool), own, router, dns, capacity };
}

/** The address of VM `id`. */
export function addressOf(plan: AddressPlan, id: number): number {
  return plan.first + 1 + (id - 1) % plan.capacity;
}

export function vmNetwork(plan: AddressPlan, id: number): VmNetwork {
  const { netmask, router, dns } = plan;
  return { address: addressOf(plan, id), netmask, gateway: router, dns };
}

/** `A.B.C.D/N`, with the address of the network itself standing for the first one in it. */
export function parsePool(text: string): Pool | undefined {
  const [, address, bits] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const first = address === undefined ? undefined : parseAddress(address);
  const prefix = Number(bits);
  if (first === undefined || prefix < 8 || prefix > 29) return undefined;
  const pool = { first, prefix };
  const host = (first & ~netmaskOf(pool)) >>> 0;
  if (host === 0) return { first: first + 1, prefix };
  return first < lastHost(pool) - 1 ? pool : undefined;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split(".").map((part) => /^\d{1,3}$/.test(part) ? Number(part) : 256);
  if (parts.length !== 4 || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((address, part) => address * 256 + part, 0);
}

export function formatPool({ first, prefix }: Pool): string {
  return `${formatAddress(first)}/${prefix}`;
}
