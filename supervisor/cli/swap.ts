/** `--swap` and `--swap-cluster`: options of the verbs that run VMs themselves. */

import { formatSize, parseSize, SIZE_EXPECTED } from "../size.ts";
import {
  CLUSTER_DEFAULT,
  CLUSTER_MAXIMUM,
  CLUSTER_MINIMUM,
  PAGE_BYTES,
  SWAP_DEFAULT,
} from "../swap/channel.ts";
import type { SwapSettings } from "../swap/swap_worker.ts";
import { SWAP_MAXIMUM } from "../supervisor_settings.ts";
import { UsageError } from "./command.ts";

export const SWAP_OPTIONS = ["swap", "swap-cluster"] as const;

/** Lines for --help, whose texts begin in the given column. */
export function swapHelp(column: number): string {
  const lines: readonly (readonly [string, string])[] = [
    ["--swap SIZE", "how much the memory of each cell's VMs may sum up to (default 1024G);"],
    ["", "what does not fit into the pool goes to a file; 0: nothing does"],
    ["--swap-cluster SIZE", "bytes that move between memory and that file together, 4K to"],
    ["", `256K (default ${formatSize(CLUSTER_DEFAULT)})`],
  ];
  return lines.map(([option, text]) => `  ${option}`.padEnd(column) + text).join("\n");
}

/** Throws a UsageError that tells what was expected. */
export function readSwap(
  text: Readonly<Record<string, string | undefined>>,
): Omit<SwapSettings, "folder"> | undefined {
  const clusterBytes = readCluster(text["swap-cluster"]);
  if (text.swap === undefined && clusterBytes === undefined) return undefined;
  return { bytes: readBytes(text.swap), clusterBytes };
}

function readBytes(text = `${SWAP_DEFAULT}`): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes <= SWAP_MAXIMUM) return bytes;
  throw new UsageError(`--swap: expected ${SIZE_EXPECTED}, at most 4096G, got "${text}"`);
}

function readCluster(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  const sane = bytes !== undefined && bytes >= CLUSTER_MINIMUM && bytes <= CLUSTER_MAXIMUM;
  if (sane && bytes % PAGE_BYTES === 0) return bytes;
  throw new UsageError(`--swap-cluster: expected a multiple of 4K from 4K to 256K, got "${text}"`);
}
