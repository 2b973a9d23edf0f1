/** A load on a disk, and what came of it. */

import type { TalkingGuest } from "../../../supervisor/testing/talking_guest.ts";

export interface Load {
  readonly operation: "read" | "write" | "flush";
  readonly pattern: "seq" | "rand";
  /** Of 4 KiB, of a request. */
  readonly blocks: number;
  /** Requests under way. */
  readonly depth: number;
  readonly milliseconds: number;
}

export interface Outcome {
  /** Requests. */
  readonly perSecond: number;
  /** Nanoseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Runs a load in VMs with the guest load.c, in all of them at once; the depth is each VM's. */
export async function inVms(guests: readonly TalkingGuest[], load: Load): Promise<Outcome> {
  const { operation, pattern, blocks, depth, milliseconds } = load;
  const line = `${operation} ${pattern} ${blocks} ${depth} ${milliseconds}`;
  const answers = await Promise.all(guests.map((guest) => guest.ask(line)));
  const outcomes = answers.map((answer) => {
    const match = /^ok (\d+) (\d+) (\d+) (\d+)$/.exec(answer);
    if (match === null) throw new Error(`asked ${line}, got ${answer}`);
    const [requests, microseconds, p50, p99] = match.slice(1).map(Number);
    return { perSecond: requests / microseconds * 1e6, p50, p99 };
  });
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];
  return {
    perSecond: outcomes.reduce((sum, each) => sum + each.perSecond, 0),
    p50: middle(outcomes.map(({ p50 }) => p50)),
    p99: Math.max(...outcomes.map(({ p99 }) => p99)),
  };
}
