/**
 * The control endpoint: the supervisor's methods as HTTP under /v1.
 *
 * `createControl` makes a Hono application that needs no socket: tests call `app.request`. Each route
 * is defined once (http/route.ts), from which `/openapi.json` is made. A request that is wrong gets a
 * 4xx status and a problem document (RFC 9457) that names the field.
 *
 * Whoever can reach the endpoint and has no token to show owns all VMs while none are set, so a browser
 * must not be talked into it: requests that another site's page makes are refused (Origin, and names
 * that only a rebound DNS has).
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { routeConsole } from "./http/console.ts";
import { routeDisks } from "./http/disks.ts";
import { routeEvents } from "./http/events.ts";
import { routeImages } from "./http/images.ts";
import { routeLifecycle } from "./http/lifecycle.ts";
import { routeLooks } from "./http/look.ts";
import { routeMetrics } from "./http/metrics.ts";
import { routePages } from "./http/pages.ts";
import { routePorts } from "./http/ports.ts";
import { problem, refuse } from "./http/problem.ts";
import type { ControlApp, ControlEnv } from "./http/route.ts";
import { identify } from "./http/security/access.ts";
import { FailureLimit } from "./http/security/failures.ts";
import { sameSite } from "./http/security/same_site.ts";
import { routeSystem } from "./http/system.ts";
import { counted, Traffic } from "./http/traffic.ts";
import { routeTokens } from "./http/tokens.ts";
import { routeVms } from "./http/vms.ts";
import { RequestError } from "./request_error.ts";
import type { Supervisor } from "./supervisor.ts";

/** An answer is data: a browser that takes it for a page loads and runs nothing. */
const NOTHING = { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"] };

const BODY_MS = 30_000;

export interface ControlOptions {
  /** Sites whose pages may ask; default: none. */
  readonly origins?: readonly string[];
  /** So long the body of a request may take, and some more if it is large. */
  readonly bodyMs?: number;
  /** How often an address may come without a right token. */
  readonly failures?: { readonly rate?: number; readonly burst?: number };
}

export function createControl(supervisor: Supervisor, options: ControlOptions = {}): ControlApp {
  const app = new OpenAPIHono<ControlEnv>();
  const traffic = new Traffic();
  app.use(counted(traffic));
  app.use(secureHeaders({ contentSecurityPolicy: NOTHING, overwrite: false }));
  app.use(sameSite(options.origins ?? []));
  app.use(identify(supervisor.tokens, new FailureLimit(options.failures)));
  app.use(async (c, next) => {
    c.set("audit", supervisor.audit);
    c.set("bodyMs", options.bodyMs ?? BODY_MS);
    await next();
  });
  routeVms(app, supervisor);
  routeLifecycle(app, supervisor);
  routeConsole(app, supervisor);
  routeLooks(app, supervisor);
  routePorts(app, supervisor);
  routeImages(app, supervisor);
  routeDisks(app, supervisor);
  routeEvents(app, supervisor);
  routeSystem(app, supervisor);
  routeTokens(app, supervisor);
  routeMetrics(app, supervisor, traffic);
  routePages(app);
  const methods = methodsOf(app);
  app.notFound((c) => {
    const { method, path } = c.req;
    const allow = methods(path).join(", ");
    if (allow === "") {
      const got = `no ${method} ${path}`;
      return refuse(c, new RequestError("path", got, "a route of /openapi.json", 404));
    }
    return refuse(c, new RequestError("method", `no ${method} ${path}`, allow, 405), { allow });
  });
  app.onError((error, c) => {
    if (error instanceof RequestError) return refuse(c, error);
    if (error instanceof HTTPException) {
      return refuse(c, new RequestError("body", error.message, "JSON"));
    }
    console.error(`denali: ${c.req.method} ${c.req.path}: ${error.stack ?? error}`);
    return problem(c, 500, { field: "server", message: error.message, expected: "no error" });
  });
  return app;
}

/** The methods that a path knows, for requests with another. */
function methodsOf(app: ControlApp): (path: string) => string[] {
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => ({
    method,
    pattern: new URLPattern({ pathname: path }),
  }));
  return (pathname) => {
    const found = routes.filter(({ pattern }) => pattern.test({ pathname }));
    return [...new Set(found.map(({ method }) => method))];
  };
}
