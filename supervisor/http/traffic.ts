/**
 * How often each route was asked, how it answered, and how long that took: until the answer began, so a
 * console that is followed for a day counts for a moment.
 *
 * Bounded by the routes and the statuses there are: whatever is asked that is no route counts as one.
 */

import type { MiddlewareHandler } from "hono";
import type { ControlEnv } from "./route.ts";

/** Seconds; a request counts in each that it did not exceed, as Prometheus wants it. */
export const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const NO_ROUTE = "none", METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export interface RouteTraffic {
  readonly method: string;
  /** As the OpenAPI document writes it. */
  readonly route: string;
  /** Requests by the status that they were answered with. */
  readonly statuses: Map<number, number>;
  /** Requests that took no longer than each of DURATIONS. */
  readonly within: number[];
  requests: number;
  seconds: number;
}

export class Traffic {
  readonly #routes = new Map<string, RouteTraffic>();

  count(method: string, route: string | undefined, status: number, seconds: number): void {
    const known = METHODS.includes(method) ? method : "other";
    const of = this.#of(known, route ?? NO_ROUTE);
    of.requests++;
    of.seconds += seconds;
    of.statuses.set(status, (of.statuses.get(status) ?? 0) + 1);
    DURATIONS.forEach((limit, index) => of.within[index] += Number(seconds <= limit));
  }

  routes(): Iterable<RouteTraffic> {
    return this.#routes.values();
  }

  #of(method: string, route: string): RouteTraffic {
    const key = `${method} ${route}`;
    let found = this.#routes.get(key);
    if (found === undefined) {
      const within = DURATIONS.map(() => 0);
      found = { method, route, statuses: new Map(), within, requests: 0, seconds: 0 };
      this.#routes.set(key, found);
    }
    return found;
  }
}

/** Counts every request; goes before everything else. */
export function counted(traffic: Traffic): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    const start = performance.now();
    await next();
    const seconds = (performance.now() - start) / 1000;
    traffic.count(c.req.method, c.get("route"), c.res.status, seconds);
  };
}
