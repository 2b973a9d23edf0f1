/** `--egress` and `--dns`: what VMs may reach beyond their own network. */

import { parseEgress, readEgress } from "../egress/request.ts";
import type { EgressSettings } from "../egress/egress.ts";
import { RequestError } from "../request_error.ts";
import { describe, UsageError } from "./command.ts";

/** Lines for --help of `up`. */
export const EGRESS_HELP =
  `  --egress RULE       what VMs may reach beyond their own network through the gateway; may be
                      repeated (default: nothing). RULE is ADDRESS[/BITS][:PORT[-PORT]][/tcp|/udp],
                      with host as ADDRESS for this machine's loopback, which VMs find at the
                      gateway's address. Loopback, link-local and multicast addresses are only
                      in rules that lie within them. VMs may have rules of their own instead
  --dns SERVER        who resolves names for VMs that may reach anything: ADDRESS[:PORT] or none
                      (default: the first nameserver of /etc/resolv.conf)`;

/** The same for a VM. */
export const VM_EGRESS_HELP =
  `  --egress RULE         what it may reach beyond the VMs' network, instead of what the server lets
                        all reach: ADDRESS[/BITS][:PORT[-PORT]][/tcp|/udp], or none; may be
                        repeated`;

/** Throws a UsageError that tells what was expected. */
export function readEgressOptions(
  rules: readonly string[] | undefined,
  dns: string | undefined,
): EgressSettings {
  return { rules: readEgress(readRules(rules) ?? []), dns: readDns(dns) };
}

/** Undefined: no rules were given. */
export function readRules(rules: readonly string[] = []): readonly string[] | undefined {
  if (rules.length === 0) return undefined;
  try {
    return parseEgress(rules, "--egress")!;
  } catch (error) {
    if (error instanceof RequestError) throw new UsageError(describe(error));
    throw error;
  }
}

function readDns(text: string | undefined): EgressSettings["dns"] {
  if (text === undefined || text === "none") return text;
  const match = /^(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? 53);
  const fits = match !== null && match[1].split(".").every((part) => Number(part) < 256);
  if (fits && port >= 1 && port <= 65_535) return { hostname: match[1], port };
  throw new UsageError(`--dns: expected ADDRESS[:PORT] or none, got "${text}"`);
}
