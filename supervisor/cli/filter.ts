/** `--filter`: which VMs a verb is about, as in docker. */

import { UsageError } from "./command.ts";

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
    const key = KEYS.find((key) => key === filter.slice(0, at));
    if (key === undefined || at === filter.length - 1) {
      throw new UsageError(
        `--filter: expected KEY=VALUE with ${KEYS.join(", ")} as the key, got "${filter}"`,
      );
    }
    query.append(key, filter.slice(at + 1));
  }
  return query.toString();
}
