/**
 * Who asks, and what they may.
 *
 * Three roles, each with all rights of those before: a reader sees, an operator changes VMs, images and
 * disks, an admin also tokens and the server itself. A token may be limited to the VMs that have
 * certain labels: then every other VM does not exist for it, and neither do routes about all of them.
 */

import type { MiddlewareHandler } from "hono";
import { RequestError } from "../request_error.ts";
import type { ControlEnv } from "./route.ts";

export const ROLES = ["reader", "operator", "admin"] as const;
export type Role = typeof ROLES[number];

export type Labels = Readonly<Record<string, string>>;

export interface Caller {
  /** Of the token; "" when none are set and everybody who gets here may do everything. */
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
export const EVERYBODY: Caller = { name: "", role: "admin" };

/** Lets a request through to its handler. The caller was found before; see authenticate. */
export function permit({ role, global }: Access): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    if (role !== "public") {
      const caller = c.get("caller");
      if (ROLES.indexOf(caller.role) < ROLES.indexOf(role)) {
        const got = `the token ${caller.name} is a ${caller.role}'s`;
        throw new RequestError("token", got, `a token of the role ${role}`, 403);
      }
      if (global && caller.labels !== undefined) {
        const got = `the token ${caller.name} is limited to labels`;
        throw new RequestError("token", got, "a token that is not", 403);
      }
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
