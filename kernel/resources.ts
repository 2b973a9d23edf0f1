/**
 * What a VM may use of what all VMs share: its part of the processor and of the network.
 *
 * Everything here can be changed while the VM lives. In a request a field that is left out stays as it
 * is, and null takes the limit away.
 */

import { RateLimit } from "../devices/rate_limit.ts";
import { TokenBucket } from "../devices/token_bucket.ts";
import { VmError } from "./errors.ts";
import { WEIGHT_DEFAULT, WEIGHT_MAXIMUM, WEIGHT_MINIMUM } from "./scheduler.ts";

/** A long-run rate per second, and how much may come at once. */
export interface Rate {
  readonly rate: number;
  /** Default: what the rate gives in a tenth of a second, at least 1. */
  readonly burst?: number;
}

export interface Resources {
  /** Share of the processor relative to other VMs, 1..1000; default 100. */
  readonly cpuWeight?: number;
  /** Processors that the VM may use at most, CPUS_MINIMUM..1, also if nobody else wants them. */
  readonly cpus?: number | null;
  /** Ethernet frames, in each direction. */
  readonly netFrames?: Rate | null;
  /** Bytes of Ethernet frames, in each direction. */
  readonly netBytes?: Rate | null;
}

/** What is in force for a VM. */
export type Limits = Readonly<Required<Resources>>;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export const UNLIMITED: Limits = {
  cpuWeight: WEIGHT_DEFAULT,
  cpus: null,
  netFrames: null,
  netBytes: null,
};

export const CPUS_MINIMUM = 0.001;
export const RATE_MAXIMUM = 1e12;
/**
 * Processor time that a VM with a cap may save up, as the time in which its cap brings it: ten turns
 * of the usual length, and short enough that a client does not notice the pause after it.
 */
export const CPU_BURST_US = 20_000;
/** Part of a second whose rate is the burst where none was given. */
const BURST_SECONDS = 0.1;

/** The limits that a request makes of those in force. Throws a VmError that names the field. */
export function changeLimits(limits: Limits, change: Resources): Limits {
  const result: Writable<Limits> = { ...limits };
  if (change.cpuWeight !== undefined) result.cpuWeight = change.cpuWeight;
  if (change.cpus !== undefined) result.cpus = change.cpus;
  if (change.netFrames !== undefined) result.netFrames = change.netFrames;
  if (change.netBytes !== undefined) result.netBytes = change.netBytes;
  check("cpuWeight", result.cpuWeight, WEIGHT_MINIMUM, WEIGHT_MAXIMUM);
  if (!Number.isInteger(result.cpuWeight)) {
    throw new VmError("cpuWeight", `expected an integer, got ${result.cpuWeight}`);
  }
  if (result.cpus !== null) check("cpus", result.cpus, CPUS_MINIMUM, 1);
  for (const field of ["netFrames", "netBytes"] as const) {
    const limit = result[field];
    if (limit === null) continue;
    check(`${field}.rate`, limit.rate, 1, RATE_MAXIMUM);
    if (limit.burst !== undefined) check(`${field}.burst`, limit.burst, 1, RATE_MAXIMUM);
  }
  return result;
}

/** A bucket of microseconds of processor time; null without a cap. */
export function cpuBucket({ cpus }: Limits): TokenBucket | null {
  return cpus === null ? null : new TokenBucket(cpus * 1e6, Math.max(1, cpus * CPU_BURST_US));
}

/** The limit of one direction of the VM's NIC; null without any. */
export function netLimit({ netFrames, netBytes }: Limits): RateLimit | null {
  if (netFrames === null && netBytes === null) return null;
  return new RateLimit(bucket(netFrames), bucket(netBytes));
}

function bucket(limit: Rate | null): TokenBucket | null {
  if (limit === null) return null;
  return new TokenBucket(limit.rate, limit.burst ?? Math.max(1, limit.rate * BURST_SECONDS));
}

function check(field: string, value: number, low: number, high: number): void {
  if (Number.isFinite(value) && value >= low && value <= high) return;
  throw new VmError(field, `expected a number ${low}..${high}, got ${value}`);
}
