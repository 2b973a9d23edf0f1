/** Bulk TCP and round trips, measured by ttcp, which is a guest and a Linux program of the same sources. */

import { type Link, type LinkName, type Natives, type Target, withLink } from "./links.ts";

export const THROUGHPUT_LINKS: readonly LinkName[] = [
  "VM, TAP",
  "Linux, TAP",
  "Linux, veth",
  "VM, gateway",
];
const PORT = 5001, ROUND_TRIPS = 1000, ROUNDS = 3;
/** Each way before anything is measured, so that a VM's cell has translated what is hot. */
const WARM_MS = "3000";

export interface Throughput {
  readonly link: LinkName;
  /** Mb/s, best of some rounds: to the server, and from it. */
  readonly to: number;
  readonly from: number;
  /** Median µs of a round trip of TCP. */
  readonly roundTrip: number;
}

export async function measureThroughput(
  link: LinkName,
  natives: Natives,
  seconds: number,
): Promise<Throughput> {
  let to = 0, from = 0, roundTrip = Infinity;
  await withLink(link, natives, async (place) => {
    const [target] = await place.serve("ttcp", 1, PORT, ["-s", "-p", String(PORT)]);
    const milliseconds = String(Math.round(seconds * 1000 / ROUNDS));
    for (const way of [["-t"], ["-r", "-t"]]) {
      if (link.startsWith("VM")) await bulk(place, natives, target, [...way, WARM_MS]);
    }
    for (let round = 0; round < ROUNDS; round++) {
      to = Math.max(to, await bulk(place, natives, target, ["-t", milliseconds]));
      from = Math.max(from, await bulk(place, natives, target, ["-r", "-t", milliseconds]));
    }
    const trips = await ttcp(place, natives, target, ["-e", String(ROUND_TRIPS)]);
    roundTrip = trips.us_median;
  });
  return { link, to, from, roundTrip };
}

async function bulk(link: Link, natives: Natives, target: Target, args: string[]): Promise<number> {
  return (await ttcp(link, natives, target, args)).megabits_per_second;
}

async function ttcp(link: Link, natives: Natives, { host, port }: Target, args: string[]) {
  const words = [natives.ttcp, ...args, "-p", String(port), host];
  const text = await link.client("timeout", "60", ...words);
  return JSON.parse(text) as { megabits_per_second: number; us_median: number };
}
