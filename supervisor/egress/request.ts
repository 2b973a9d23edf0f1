/** The list of rules as operators write it: of a VM, or of all. */

import type { Network } from "../network.ts";
import { RequestError } from "../request_error.ts";
import { show } from "../vm/show.ts";
import {
  EGRESS_EXPECTED,
  EGRESS_RULES_MAXIMUM,
  type EgressRule,
  parseEgressRule,
} from "./rules.ts";

/** Checks rules; `["none"]` is the empty list. Null or undefined: those of all VMs. Throws a RequestError. */
export function parseEgress(value: unknown, field = "egress"): readonly string[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || value.length > EGRESS_RULES_MAXIMUM) {
    const expected = `a list of at most ${EGRESS_RULES_MAXIMUM} rules`;
    throw new RequestError(field, `got ${show(value)}`, expected);
  }
  if (value.length === 1 && value[0] === "none") return [];
  for (const [index, item] of value.entries()) {
    if (typeof item === "string" && parseEgressRule(item) !== undefined) continue;
    throw new RequestError(`${field}[${index}]`, `got ${show(item)}`, EGRESS_EXPECTED);
  }
  return value;
}

/** Rules that `parseEgress` has checked. */
export function readEgress(rules: readonly string[]): EgressRule[] {
  return rules.map((text) => parseEgressRule(text)!);
}

/** Throws a RequestError if rules make no sense in this network. */
export function requireEgress(rules: readonly string[] | null, network: Network | undefined): void {
  if (rules === null || rules.length === 0 || network?.egress !== undefined) return;
  const why = "VMs of this server do not reach the world through its gateway";
  throw new RequestError("egress", why, "no rules, or a server with --uplink gateway");
}
