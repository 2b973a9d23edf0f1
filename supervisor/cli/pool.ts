/** `--pool`: the memory of a cell for its VMs. */

import { parseSize, SIZE_EXPECTED } from "../size.ts";
import { POOL_MAXIMUM, POOL_MINIMUM } from "../supervisor_settings.ts";
import { UsageError } from "./command.ts";

/** Bytes; throws a UsageError that tells what was expected. */
export function readPool(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= POOL_MINIMUM && bytes % 4096 === 0) {
    return Math.min(bytes, POOL_MAXIMUM);
  }
  throw new UsageError(`--pool: expected ${SIZE_EXPECTED}, from 4M to 2G, got "${text}"`);
}
