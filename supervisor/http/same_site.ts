/** Refuses what a page of another site sends, and names that are not this machine's. */

import type { MiddlewareHandler } from "hono";
import { RequestError } from "../request_error.ts";

export const sameSite: MiddlewareHandler = async (c, next) => {
  const origin = c.req.header("origin");
  const host = c.req.header("host") ?? "";
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    throw new RequestError("origin", `got ${origin}`, "a page of this server itself");
  }
  const name = host.replace(/:\d+$/, "");
  if (host !== "" && name !== "localhost" && !/^[\d.]+$|^\[.*\]$/.test(name)) {
    const expected = "localhost, an IP address, or NAME.localhost for a VM's own web server";
    throw new RequestError("host", `got ${name}`, expected);
  }
  await next();
};
