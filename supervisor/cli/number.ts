/** Numbers on the command line. */

import { UsageError } from "./command.ts";

/** A number of a range, as the value of `--option`. Throws a UsageError. */
export function readNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d+(\.\d+)?(e\d+)?$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option}: expected a number from ${least} to ${most}, got "${text}"`);
}
