/**
 * What VMs may reach beyond their own network: lists of rules, each an address range with ports.
 *
 *     203.0.113.0/24:443        203.0.113.7:8000-8099/tcp        0.0.0.0/0:53/udp
 *     host:5432                 none                             10.1.2.3
 *
 * Without ports, all of them; without protocol, TCP and UDP. `host` is this machine's loopback, which VMs
 * reach under the gateway's address. `none` stands alone and is the empty list.
 *
 * A wide range does not cover what is special about this machine or its surroundings: its own addresses,
 * loopback, link-local (where clouds keep credentials), "this network", multicast and broadcast (RFC 6890). Who
 * means these writes a rule that lies within them, and for an own address that address alone.
 */

export type Protocol = "tcp" | "udp";

export interface EgressRule {
  /** As it was written. */
  readonly text: string;
  /** Undefined: the loopback of this machine. */
  readonly range: AddressRange | undefined;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: both. */
  readonly protocol: Protocol | undefined;
}

/** Addresses are uint32. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

export const EGRESS_EXPECTED =
  "ADDRESS[/BITS][:PORT[-PORT]][/tcp|/udp], with host as ADDRESS for this machine's loopback, " +
  "for example 203.0.113.0/24:443";
export const EGRESS_RULES_MAXIMUM = 64;

const RULE = /^(?:(host)|([0-9.]+)(?:\/(\d{1,2}))?)(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/;

const SPECIAL = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"].map((text) => {
  const [address, bits] = text.split("/");
  return rangeOf(address, bits)!;
});

/** Reads a rule; undefined if it is none. */
export function parseEgressRule(text: string): EgressRule | undefined {
  const match = RULE.exec(text);
  if (match === null) return undefined;
  const [, host, address, bits, first = "1", last = match[4] ?? "65535", protocol] = match;
  const range = host === undefined ? rangeOf(address, bits ?? "32") : undefined;
  const firstPort = Number(first), lastPort = Number(last);
  if (host === undefined && range === undefined) return undefined;
  if (firstPort < 1 || lastPort < firstPort || lastPort > 65_535) return undefined;
  return { text, range, firstPort, lastPort, protocol: protocol as Protocol | undefined };
}

/** Whether a rule covers a port of an address; "host": of this machine's loopback. `own`: it is this machine's. */
export function covers(
  rule: EgressRule,
  protocol: Protocol,
  address: number | "host",
  port: number,
  own = false,
): boolean {
  if (port < rule.firstPort || port > rule.lastPort) return false;
  if (rule.protocol !== undefined && rule.protocol !== protocol) return false;
  const { range } = rule;
  if (address === "host" || range === undefined) return address === "host" && range === undefined;
  if (address < range.first || address > range.last) return false;
  const special = SPECIAL.find(({ first, last }) => address >= first && address <= last) ??
    (own ? { first: address, last: address } : undefined);
  return special === undefined || (range.first >= special.first && range.last <= special.last);
}

function rangeOf(address: string, bits: string): AddressRange | undefined {
  const parts = address.split(".").map(Number);
  const size = Number(bits);
  if (parts.length !== 4 || parts.some((part) => !(part <= 255)) || size > 32) return undefined;
  if (/(^|\.)(\.|$)/.test(address)) return undefined;
  const value = parts.reduce((sum, part) => sum * 256 + part, 0);
  const count = 2 ** (32 - size);
  const first = Math.floor(value / count) * count;
  return { first, last: first + count - 1 };
}
