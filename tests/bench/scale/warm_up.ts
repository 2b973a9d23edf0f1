/**
 * The warm-up before anything is measured: load until a request costs the server what the one before did.
 *
 * A cell translates what its VMs execute and V8 compiles that, at first badly and then well: some
 * thousand requests long a request becomes cheaper, up to ten times, however many VMs there are. What is
 * measured meanwhile is V8. So every measurement is preceded by windows of load, by one rule for fleets of
 * all sizes: it ends when the dearest and the cheapest of the last WINDOWS differ by less than CHANGE,
 * or at the limit. The cost is the server's processor time, its compiler threads included, because
 * requests per second also change with what else the machine does.
 */

import { cpuTimes, usedBetween } from "../../load/cpu.ts";
import { load, type LoadOrder } from "../../load/load.ts";
import type { TestServer } from "../../load/server.ts";

const WINDOWS = 4, CHANGE = 0.1, WINDOW_SECONDS = 2, LIMIT_SECONDS = 45;

/** What one window found. */
export interface Window {
  /** Requests answered. */
  readonly answered: number;
  /** Processor time of the server per request, µs. */
  readonly serverMicroseconds: number;
}

export interface WarmUp {
  readonly seconds: number;
  readonly requests: number;
  /** Processor time of the server per request in the first window and in the last, µs. */
  readonly firstMicroseconds: number;
  readonly lastMicroseconds: number;
  /** False: the limit came first. */
  readonly steady: boolean;
}

/** Drives `load` for windows of some seconds, at least one, until it is steady. */
export async function warmUp(
  load: (seconds: number) => Promise<Window>,
  limitSeconds = LIMIT_SECONDS,
): Promise<WarmUp> {
  const costs: number[] = [], begun = performance.now();
  let requests = 0, steady = false;
  const passed = () => (performance.now() - begun) / 1000;
  do {
    const window = await load(WINDOW_SECONDS);
    requests += window.answered;
    costs.push(window.serverMicroseconds);
    const last = costs.slice(-WINDOWS);
    steady = last.length === WINDOWS && Math.max(...last) < (1 + CHANGE) * Math.min(...last);
  } while (!steady && passed() < limitSeconds);
  return {
    seconds: passed(),
    requests,
    firstMicroseconds: costs[0],
    lastMicroseconds: costs.at(-1)!,
    steady,
  };
}

/** Warms a server up with a load of which only the seconds are left open. */
export function warmServer(
  server: TestServer,
  order: Omit<LoadOrder, "seconds">,
  limitSeconds = LIMIT_SECONDS,
): Promise<WarmUp> {
  return warmUp(async (seconds) => {
    const before = await cpuTimes(server.pid);
    const { answered } = await load({ ...order, seconds });
    const used = usedBetween(before, await cpuTimes(server.pid));
    return { answered, serverMicroseconds: used.total * 1e6 / Math.max(1, answered) };
  }, limitSeconds);
}

/** One line for benchmarks that warm up once. */
export function warmUpText(warm: WarmUp): string {
  const [seconds, requests, first, last] = warmUpCells(warm);
  return `warmed up for ${seconds} s with ${requests} requests: ${first} to ${last} µs of the ` +
    `server's processor time each${warm.steady ? "" : ", not steady"}`;
}

export const WARM_UP_COLUMNS = ["warm-up s", "requests", "µs/req first", "last", "steady"];

export function warmUpCells(warm: WarmUp): string[] {
  return [
    warm.seconds.toFixed(1),
    String(warm.requests),
    warm.firstMicroseconds.toFixed(0),
    warm.lastMicroseconds.toFixed(0),
    warm.steady ? "yes" : "no",
  ];
}
