/**
 * What keeps a browser from being talked into something: requests of other sites' pages are refused
 * unless the operator has named the site, and so are names that only a rebound DNS has for this machine.
 */

import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { RequestError } from "../../request_error.ts";
import type { ControlEnv } from "../route.ts";

const HOST_EXPECTED = "localhost, an IP address, or NAME.localhost for a VM's own web server";
const CORS_SECONDS = 600;

/** `origins`: sites whose pages may ask. */
export function sameSite(origins: readonly string[]): MiddlewareHandler<ControlEnv> {
  const allow = cors({
    origin: [...origins],
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: ["authorization", "content-type", "last-event-id"],
    exposeHeaders: ["link", "retry-after"],
    maxAge: CORS_SECONDS,
  });
  return async (c, next) => {
    const origin = c.req.header("origin");
    const host = c.req.header("host") ?? "";
    const name = host.replace(/:\d+$/, "");
    // Elsewhere than on loopback the right token is needed, and a page cannot have it.
    const local = c.env?.open ?? true;
    if (local && host !== "" && name !== "localhost" && !/^[\d.]+$|^\[.*\]$/.test(name)) {
      throw new RequestError("host", `got ${name}`, HOST_EXPECTED);
    }
    if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) {
      return await next();
    }
    if (origins.includes(origin)) return await allow(c, next);
    throw new RequestError("origin", `got ${origin}`, "a page of this server itself");
  };
}
