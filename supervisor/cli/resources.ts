/** `--cpus` and its like: options of the verbs that make or change VMs. */

import { RequestError } from "../request_error.ts";
import { parseResources, type Resources } from "../vm/resources.ts";
import { UsageError } from "./command.ts";

export const RESOURCE_OPTIONS = ["cpu-weight", "cpus", "net-frames", "net-bytes"] as const;

/** What a request calls them. */
const FIELDS = {
  "cpu-weight": "cpuWeight",
  cpus: "cpus",
  "net-frames": "netFrames",
  "net-bytes": "netBytes",
} as const;

/** Lines for --help. */
export const RESOURCE_HELP =
  `  --cpu-weight N        share of the processor beside other VMs, 1 to 1000 (default 100)
  --cpus N              processors that it may use at most, 0.001 to 1
  --net-frames RATE     frames per second in each direction; RATE:BURST lets as many pass at once
                        (default burst: a tenth of a second)
  --net-bytes RATE      bytes per second in each direction, for example 10M or 10M:1M`;

/** Throws a UsageError that names the option. Options that were not given are left out. */
export function readResources(text: Readonly<Record<string, string | undefined>>): Resources {
  return Object.assign({}, ...RESOURCE_OPTIONS.map((option) => readOption(option, text[option])));
}

function readOption(option: keyof typeof FIELDS, text: string | undefined): Resources {
  try {
    return parseResources({ [FIELDS[option]]: text });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new UsageError(`--${option}: expected ${error.expected}, ${error.message}`);
  }
}
