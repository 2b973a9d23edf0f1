/**
 * Refusals as problem documents (RFC 9457): `application/problem+json` with the standard members and,
 * for programs, the field at fault, what came and what was expected.
 */

import type { Context } from "hono";
import { z } from "@hono/zod-openapi";
import { RequestError } from "../request_error.ts";

export const PROBLEM_TYPE = "application/problem+json";

export const Problem = z.object({
  type: z.string().meta({ description: "Always about:blank: the status says it all" }),
  title: z.string().meta({ description: "The name of the status" }),
  status: z.int(),
  detail: z.string().meta({ description: "The three below as one sentence" }),
  field: z.string().meta({ description: "The part of the request at fault" }),
  message: z.string().meta({ description: "What came" }),
  expected: z.string().meta({ description: "What would be taken" }),
}).openapi("Problem");

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

export function titleOf(status: number): string {
  return TITLES[status] ?? `Status ${status}`;
}

/** The answer to a request that is refused. */
export function refuse(
  c: Context,
  { field, message, expected, status }: RequestError,
  headers: Record<string, string> = {},
): Response {
  return problem(c, status, { field, message, expected }, headers);
}

export function problem(
  c: Context,
  status: number,
  { field, message, expected }: { field: string; message: string; expected: string },
  headers: Record<string, string> = {},
): Response {
  const detail = `${field}: ${message}; expected ${expected}`;
  const document = { type: "about:blank", title: titleOf(status), status, detail };
  return c.body(JSON.stringify({ ...document, field, message, expected }), status as 400, {
    "content-type": PROBLEM_TYPE,
    ...headers,
  });
}

/** One thing that zod found wrong, in our words. `schema` names the fields there are. */
export function asProblem(
  issue: z.core.$ZodIssue,
  where: string,
  schema: z.ZodType | undefined,
): RequestError {
  const { expected, field, message, status } = (issue as { params?: Partial<RequestError> })
    .params ?? {};
  if (expected !== undefined && message !== undefined) {
    return new RequestError(field ?? pathOf(issue.path, where), message, expected, status);
  }
  if (issue.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "none";
    const key = pathOf([...issue.path, issue.keys[0]], where);
    return new RequestError(key, "unknown field", `one of ${known}`);
  }
  const text = issue.message.replace(/^(Invalid \w+|Too (big|small)): expected /, "");
  const [wanted, got] = text.split(", received ");
  return new RequestError(
    pathOf(issue.path, where),
    got === undefined || got === "undefined" ? "got nothing, or something else" : `got ${got}`,
    wanted,
  );
}

/** `publish[1].host`; the whole is called by where it came from. */
function pathOf(path: readonly PropertyKey[], where: string): string {
  if (path.length === 0) return where;
  return path.map((part, index) =>
    typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`
  ).join("");
}
