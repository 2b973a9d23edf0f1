/** `--filter`: which VMs a verb is about, as in docker. */

import { VM_STATES } from "../cell/protocol.ts";
import { oneOf, UsageError } from "./command.ts";

/** Lines for --help. */
export const FILTER_HELP =
  `  --filter KEY=VALUE  only VMs whose state, name, image or label (label=KEY or label=KEY=VALUE) is
              that; may be repeated: all must hold`;

const KEYS = ["state", "name", "image", "label"] as const;

/** The filters as the query string of a request; "" for none. Throws a UsageError. */
export function filterQuery(filters: readonly string[]): string {
  const query = new URLSearchParams();
  for (const filter of filters) {
    const at = filter.indexOf("=");
    if (at < 1 || at === filter.length - 1) {
      throw new UsageError(`--filter: expected KEY=VALUE, got "${filter}"`);
    }
    const key = oneOf("--filter", filter.slice(0, at), KEYS);
    const value = filter.slice(at + 1);
    query.append(key, key === "state" ? oneOf("--filter state", value, VM_STATES) : value);
  }
  return query.toString();
}
