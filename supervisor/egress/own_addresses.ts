/**
 * Which IPv4 addresses are this machine's own. What listens there is often kept from the world by a firewall that
 * does not ask where a connection within the machine comes from.
 */

import { parseAddress } from "../address_plan.ts";

/** Addresses come and go, by DHCP for one. */
const FRESH_MS = 5000;

let known: ReadonlySet<number> = new Set();
let lookedAt = -Infinity;

/** `address` is a uint32. An embedding program that may not look has none. */
export function isOwnAddress(address: number): boolean {
  if (performance.now() - lookedAt > FRESH_MS) {
    lookedAt = performance.now();
    try {
      known = look();
    } catch {
      // It takes a descriptor, and there may be none: what was known holds on.
    }
  }
  return known.has(address);
}

function look(): ReadonlySet<number> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
  if (state !== "granted") return new Set();
  return new Set(
    Deno.networkInterfaces().flatMap(({ family, address }) =>
      family === "IPv4" ? parseAddress(address) ?? [] : []
    ),
  );
}
