/** `--disk-max` and `--disks-max` of `denali up`. */

import type { DiskLimits } from "../disk/store.ts";
import { parseSize, SIZE_EXPECTED } from "../size.ts";
import { UsageError } from "./command.ts";

export const DISK_LIMIT_OPTIONS = ["disk-max", "disks-max"] as const;

export function readDiskLimits(
  text: Readonly<Record<string, string | undefined>>,
): DiskLimits {
  return {
    ...text["disk-max"] !== undefined && { diskBytes: readLimit("disk-max", text["disk-max"]) },
    ...text["disks-max"] !== undefined && { allBytes: readLimit("disks-max", text["disks-max"]) },
  };
}

function readLimit(option: string, text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(`--${option}: expected ${SIZE_EXPECTED}, got "${text}"`);
}
