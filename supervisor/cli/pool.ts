/** `--pool`: the memory of a cell for its VMs. */

import { parseSize } from "../size.ts";
import { POOL_MAXIMUM, POOL_MINIMUM } from "../supervisor_settings.ts";
import { PAGE_BYTES } from "../swap/channel.ts";
import { UsageError } from "./command.ts";

/** Bytes; throws a UsageError that tells what was expected. */
export function readPool(text: string): number {
  const bytes = parseSize(text);
  const sane = bytes !== undefined && bytes >= POOL_MINIMUM && bytes <= 2 * 2 ** 30;
  // 2G means the largest pool, which is a little smaller.
  if (sane && bytes % PAGE_BYTES === 0) return Math.min(bytes, POOL_MAXIMUM);
  throw new UsageError(`--pool: expected a multiple of 4K from 4M to 2G, got "${text}"`);
}
