/** Pieces that schemas of several routes are made of. */

import { z } from "@hono/zod-openapi";
import { RequestError } from "../request_error.ts";
import { show } from "../vm/show.ts";

/**
 * A value that one of our own parsers checks: the same that embedding programs and the command line
 * go through. `openapi` says in the document what it takes.
 */
export function parsed<T>(
  parse: (value: unknown) => T,
  openapi: Readonly<Record<string, unknown>>,
): z.ZodType<T> {
  return z.unknown().optional().transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const { field, message, expected, status } = error;
      context.addIssue({ code: "custom", message, params: { field, message, expected, status } });
      return z.NEVER;
    }
  }).openapi(openapi as never) as unknown as z.ZodType<T>;
}

/** `?follow`, `?follow=1`, `?follow=false`. */
export function flag(name: string, description: string) {
  return parsed((value) => {
    if (value === undefined || value === "0" || value === "false") return false;
    if (value === "" || value === "1" || value === "true") return true;
    throw new RequestError(name, `got ${show(value)}`, "1 or 0");
  }, { param: { name, in: "query", required: false }, type: "boolean", description });
}

/** `?grace=10`; `otherwise` when it is not given. */
export function wholeNumber<T>(
  name: string,
  description: string,
  otherwise: T,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
) {
  return parsed<number | T>((value) => {
    if (value === undefined) return otherwise;
    if (typeof value === "string" && /^\d{1,16}$/.test(value)) {
      const number = Number(value);
      if (number >= least && number <= most) return number;
    }
    const expected = `a whole number from ${least} to ${most}`;
    throw new RequestError(name, `got ${show(value)}`, expected);
  }, {
    param: { name, in: "query", required: false },
    type: "integer",
    minimum: least,
    maximum: most,
    description,
  });
}

export const VmPath = z.object({
  id: z.string().max(64).openapi({ description: "Number or name of a VM", example: "web" }),
});
