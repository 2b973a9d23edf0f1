/**
 * Who asks, and what they may.
 *
 * Three roles, each with all rights of those before: a reader sees, an operator changes VMs, images and
 * disks, an admin also tokens and the server itself. A token may be limited to the VMs that have
 * certain labels: then every other VM does not exist for it, and neither do routes about all of them.
 *
 * While no tokens are set, whoever reaches a socket of this machine alone may do everything; whoever
 * comes from elsewhere, nothing.
 */

import type { MiddlewareHandler } from "hono";
import { RequestError } from "../../request_error.ts";
import { refuse } from "../problem.ts";
import type { ControlEnv } from "../route.ts";
import type { FailureLimit } from "./failures.ts";
import type { Tokens } from "./tokens.ts";

export const ROLES = ["reader", "operator", "admin"] as const;
export type Role = typeof ROLES[number];

export type Labels = Readonly<Record<string, string>>;

export interface Caller {
  /** Of the token; "" when none are set. */
  readonly name: string;
  readonly role: Role;
  /** Labels that a VM must have to be seen; undefined: every VM. */
  readonly labels?: Labels;
}

/** What a route asks of its callers. */
export interface Access {
  readonly role: Role | "public";
  /** Not for tokens that are limited to labels: it is about more than some VMs. */
  readonly global?: boolean;
}

/** Whoever reaches the endpoint while no tokens are set. */
const EVERYBODY: Caller = { name: "", role: "admin" };
const TOKEN_EXPECTED = "Authorization: Bearer TOKEN with a token of this server";

/** Finds who asks, when a route wants to know. */
export function identify(
  tokens: Tokens,
  failures: FailureLimit,
): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    c.set("identify", async () => {
      const { remote = "", open = true } = c.env ?? {};
      if (tokens.size === 0 && open) return EVERYBODY;
      const secret = /^Bearer +([^ ]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
      const caller = secret === undefined ? undefined : await tokens.find(secret);
      if (caller !== undefined) return caller;
      const wait = failures.failed(remote);
      if (wait > 0) {
        c.header("retry-after", String(wait));
        const got = "too many requests without a right token";
        throw new RequestError("authorization", got, `none for ${wait} seconds`, 429);
      }
      c.header("www-authenticate", 'Bearer realm="denali"');
      const got = secret === undefined ? "got none" : "got a token that is not known";
      throw new RequestError("authorization", got, TOKEN_EXPECTED, 401);
    });
    await next();
  };
}

/** Lets a request through to its handler, if its caller may. */
export function permit({ role, global }: Access): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    if (role === "public") return await next();
    const caller = c.get("caller") ?? await c.get("identify")();
    c.set("caller", caller);
    if (ROLES.indexOf(caller.role) < ROLES.indexOf(role)) {
      const got = `the token ${caller.name} is a ${caller.role}'s`;
      return refuse(c, new RequestError("token", got, `a token of the role ${role}`, 403));
    }
    if (global && caller.labels !== undefined) {
      const got = `the token ${caller.name} is limited to labels`;
      return refuse(c, new RequestError("token", got, "a token that is not", 403));
    }
    await next();
  };
}

/** All of `wanted` are among `labels`. */
export function hasLabels(labels: Labels, wanted: Labels | undefined): boolean {
  if (wanted === undefined) return true;
  return Object.entries(wanted).every(([key, value]) =>
    Object.hasOwn(labels, key) && labels[key] === value
  );
}
