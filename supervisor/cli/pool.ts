/** `--pool`: the memory of a cell for its VMs. */

import { parseSize, SIZE_EXPECTED } from "../size.ts";
import { UsageError } from "./command.ts";

const POOL_MINIMUM = 2 ** 22, POOL_MAXIMUM = 2 ** 31 - 2 ** 16;

/** Bytes; throws a UsageError that tells what was expected. */
export function readPool(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= POOL_MINIMUM && bytes % 4096 === 0) {
    return Math.min(bytes, POOL_MAXIMUM);
  }
  throw new UsageError(`--pool: expected ${SIZE_EXPECTED}, from 4M to 2G, got "${text}"`);
}
