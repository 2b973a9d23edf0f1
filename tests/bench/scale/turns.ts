/**
 * Fleets, each in a server of its own, loaded in turns. Ratios of such windows hold on a machine whose
 * speed changes from minute to minute; those of windows that were measured minutes apart do not.
 */

import { percentile } from "../../load/load.ts";
import type { GrowingFleet, Sample } from "./growing_fleet.ts";

export interface TurnsOrder {
  readonly bytes: number;
  readonly alpha: number;
  readonly connections: number;
  /** Of one window. */
  readonly seconds: number;
  /** Windows of each fleet. */
  readonly rounds: number;
}

/** What a fleet did in its windows: medians, and sums of answers and failures. */
export interface Turns extends Sample {
  /** Requests per second by those of the first fleet in the same round: the median and both extremes. */
  readonly ratio: { readonly least: number; readonly median: number; readonly most: number };
}

/** Loads warm fleets in turns; one result for each. */
export async function loadInTurns(
  fleets: readonly GrowingFleet[],
  { bytes, alpha, rounds, ...how }: TurnsOrder,
): Promise<Turns[]> {
  const windows: Sample[][] = fleets.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, fleet] of fleets.entries()) {
      windows[i].push(await fleet.load(bytes, alpha, how));
    }
  }
  return windows.map((own) => {
    const ratios = own.map(({ requestsPerSecond }, round) =>
      requestsPerSecond / windows[0][round].requestsPerSecond
    ).sort(ascending);
    const [least, most] = [ratios[0], ratios[rounds - 1]];
    return { ...summary(own), ratio: { least, median: percentile(ratios, 0.5), most } };
  });
}

function summary(windows: readonly Sample[]): Sample {
  const median = (of: (window: Sample) => number) =>
    percentile(windows.map(of).sort(ascending), 0.5);
  const failures: Record<string, number> = {};
  for (const [kind, count] of windows.flatMap((window) => Object.entries(window.failures))) {
    failures[kind] = (failures[kind] ?? 0) + count;
  }
  return {
    ...windows[0],
    answered: windows.reduce((sum, { answered }) => sum + answered, 0),
    requestsPerSecond: median((window) => window.requestsPerSecond),
    p50: median((window) => window.p50),
    p99: median((window) => window.p99),
    failures,
    loadCores: median((window) => window.loadCores),
    mainCores: median((window) => window.mainCores),
    otherCores: median((window) => window.otherCores),
    serverMicroseconds: median((window) => window.serverMicroseconds),
  };
}

const ascending = (a: number, b: number) => a - b;
