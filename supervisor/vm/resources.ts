/**
 * What an operator may say about a VM's part of the processor and of the network: when it is made, and
 * as often as wanted while it lives.
 *
 * Rates are written RATE or RATE:BURST, or as objects; sizes have the usual units.
 */

import {
  changeLimits,
  CPUS_MINIMUM,
  type Limits,
  type Rate,
  RATE_MAXIMUM,
  type Resources,
  UNLIMITED,
} from "../../kernel/resources.ts";
import { WEIGHT_MAXIMUM, WEIGHT_MINIMUM } from "../../kernel/scheduler.ts";
import { RequestError } from "../request_error.ts";
import { parseSize } from "../size.ts";
import { show } from "./show.ts";

export { changeLimits, type Limits, type Rate, type Resources, UNLIMITED };

export const RESOURCE_FIELDS = ["cpuWeight", "cpus", "netFrames", "netBytes"] as const;

const WEIGHT_EXPECTED = `a whole number ${WEIGHT_MINIMUM} to ${WEIGHT_MAXIMUM}; 100 is usual`;
const CPUS_EXPECTED = `processors, ${CPUS_MINIMUM} to 1, or none`;
const FRAMES_EXPECTED = "frames per second as RATE or RATE:BURST, each 1 to 1e12, or none";
const BYTES_EXPECTED =
  "bytes per second as RATE or RATE:BURST, for example 10M:1M, each at most 1e12, or none";

/** Reads the fields that a request has (parsed JSON). Throws a RequestError that names the field. */
export function parseResources(request: Readonly<Record<string, unknown>>): Resources {
  const { cpuWeight, cpus, netFrames, netBytes } = request;
  return {
    ...cpuWeight !== undefined && { cpuWeight: parseWeight(cpuWeight) },
    ...cpus !== undefined && { cpus: parseCpus(cpus) },
    ...netFrames !== undefined &&
      { netFrames: parseRate("netFrames", netFrames, number, FRAMES_EXPECTED) },
    ...netBytes !== undefined &&
      { netBytes: parseRate("netBytes", netBytes, parseSize, BYTES_EXPECTED) },
  };
}

function parseWeight(value: unknown): number {
  const weight = typeof value === "string" ? number(value) : value;
  if (Number.isInteger(weight) && inRange(weight, WEIGHT_MINIMUM, WEIGHT_MAXIMUM)) return weight;
  throw new RequestError("cpuWeight", `got ${show(value)}`, WEIGHT_EXPECTED);
}

function parseCpus(value: unknown): number | null {
  if (isNone(value)) return null;
  const cpus = typeof value === "string" ? number(value) : value;
  if (inRange(cpus, CPUS_MINIMUM, 1)) return cpus;
  throw new RequestError("cpus", `got ${show(value)}`, CPUS_EXPECTED);
}

function parseRate(
  field: string,
  value: unknown,
  read: (text: string) => number | undefined,
  expected: string,
): Rate | null {
  if (isNone(value)) return null;
  let parts: unknown[] = [];
  if (typeof value === "number") parts = [value];
  if (typeof value === "string") parts = value.split(":").map(read);
  if (typeof value === "object" && value !== null) {
    const { rate, burst, ...rest } = value as Record<string, unknown>;
    if (Object.keys(rest).length === 0) parts = burst === undefined ? [rate] : [rate, burst];
  }
  const [rate, burst] = parts;
  const right = parts.length >= 1 && parts.length <= 2 &&
    parts.every((part) => inRange(part, 1, RATE_MAXIMUM));
  if (!right) throw new RequestError(field, `got ${show(value)}`, expected);
  return burst === undefined
    ? { rate: rate as number }
    : { rate: rate as number, burst: burst as number };
}

function isNone(value: unknown): boolean {
  return value === null || value === "none";
}

function number(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function inRange(value: unknown, low: number, high: number): value is number {
  return typeof value === "number" && value >= low && value <= high;
}
