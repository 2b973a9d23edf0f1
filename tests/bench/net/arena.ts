/**
 * Game servers: each VM runs `arena`, which sends ten updates a second to each of its four clients, and
 * a bot in Linux measures when they come (2002: 32 servers of Quake II).
 *
 * An update is late by as much as it came after the schedule that the earliest one of its client sets.
 */

import { type Natives, withLink } from "./links.ts";

const PORT = 27910, CLIENTS = 4, WARM_SECONDS = 45;
/** An update may be this late. */
export const LATE_MAXIMUM_US = 10_000;

export interface Arena {
  readonly servers: number;
  /** Servers of which 99 % of the updates came within LATE_MAXIMUM_US. */
  readonly good: number;
  /** Of the servers' p99: the median, and the worst; µs. */
  readonly p99: number;
  readonly worst: number;
  /** As the server saw it itself, before the network: the median of p99. */
  readonly served: number;
  readonly updates: number;
  readonly lost: number;
}

interface Bot {
  readonly updates: number;
  readonly expected: number;
  readonly late_us_p99: number;
  readonly server_late_us_p99: number;
}

export async function measureArena(
  servers: number,
  natives: Natives,
  seconds: number,
): Promise<Arena> {
  let bots: Bot[] = [];
  await withLink("VM, TAP", natives, async (link) => {
    const targets = await link.serve("arena", servers, PORT);
    const words = ["-c", String(CLIENTS), "-p", String(PORT)];
    const play = (seconds: number) =>
      Promise.all(targets.map(async ({ host }) => {
        const args = [...words, "-t", String(Math.round(seconds * 1000)), host];
        return JSON.parse(await link.client(natives["arena-bot"], ...args)) as Bot;
      }));
    await play(WARM_SECONDS); // until V8 has compiled what is hot
    bots = await play(seconds);
  });
  const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
  const late = sorted(bots.map((bot) => bot.late_us_p99));
  const served = sorted(bots.map((bot) => bot.server_late_us_p99));
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const updates = sum(bots.map((bot) => bot.updates));
  return {
    servers,
    good: late.filter((us) => us <= LATE_MAXIMUM_US).length,
    p99: late[late.length >> 1],
    worst: late[late.length - 1],
    served: served[served.length >> 1],
    updates,
    lost: sum(bots.map((bot) => bot.expected)) - updates,
  };
}
