/**
 * When a VM that has ended is started again, as docker has it.
 *
 *     no               never
 *     on-failure[:N]   when it crashed or ended with a code other than 0, at most N times in a row;
 *                      also when the whole process ended while it ran
 *     always           whenever it ended by itself; after the process ended, also if it was stopped
 *     unless-stopped   as always, but not if an operator had stopped it
 *
 * Between two starts is a pause that doubles from 100 ms to a minute, so that a VM that ends at once
 * costs little; one that ran for ten seconds starts from the shortest again.
 */

import { RequestError } from "../request_error.ts";
import { show } from "./show.ts";

export const RESTART_DEFAULT = "no";
const RESTART_EXPECTED =
  "no, on-failure, on-failure:N with N from 1 to 1000000, always or unless-stopped";

const BACKOFF_FIRST_MS = 100, BACKOFF_MAXIMUM_MS = 60_000;
/** A VM that ran for so long is no longer one that ends at once. */
export const HEALTHY_MS = 10_000;

/** How a VM ended. */
export interface Ending {
  readonly state: string;
  readonly exitCode?: number;
  /** An operator stopped it. */
  readonly stopped: boolean;
  /** Restarts since it last ran for HEALTHY_MS. */
  readonly restarts: number;
}

/** Checks a policy. Throws a RequestError that names the field. */
export function parseRestart(value: unknown): string {
  if (value === undefined) return RESTART_DEFAULT;
  if (
    typeof value === "string" &&
    /^(no|always|unless-stopped|on-failure(:[1-9]\d{0,5}|:1000000)?)$/.test(value)
  ) return value;
  throw new RequestError("restart", `got ${show(value)}`, RESTART_EXPECTED);
}

/** Whether a VM that has ended is started again. */
export function startsAgain(
  policy: string,
  { state, exitCode, stopped, restarts }: Ending,
): boolean {
  if (stopped) return false;
  if (policy === "always" || policy === "unless-stopped") return true;
  if (!policy.startsWith("on-failure")) return false;
  const most = Number(policy.split(":")[1] ?? Infinity);
  return (state === "crashed" || exitCode !== 0) && restarts < most;
}

/** Whether a VM is started when the server starts. `ran`: it ran, or was to run, when the last ended. */
export function startsWithServer(policy: string, ran: boolean): boolean {
  return policy === "always" || (ran && policy !== "no");
}

/** Milliseconds until the next start after `restarts` of them. */
export function backoffMs(restarts: number): number {
  return Math.min(BACKOFF_MAXIMUM_MS, BACKOFF_FIRST_MS * 2 ** Math.min(restarts, 20));
}
