/** `--restart`: when a VM is started again. */

import { parseRestart } from "../vm/restart_policy.ts";
import { oneOf } from "./command.ts";

const POLICIES = ["no", "on-failure", "always", "unless-stopped"];

/** Throws a UsageError that names the nearest policy, or a RequestError for a number that is none. */
export function readRestart(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  oneOf("--restart", text.replace(/^on-failure:.*/, "on-failure"), POLICIES);
  return parseRestart(text);
}
