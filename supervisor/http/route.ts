/**
 * One definition per route: its documentation, the shape of what comes in, how much of it is read, and
 * who may use it. The OpenAPI document, the checks and the tests that walk all routes come from here.
 *
 * A handler gets what was checked, and answers by a Response; what it throws as a RequestError becomes
 * a problem document.
 */

import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { type Access, type Caller, permit } from "./security/access.ts";
import { audited, type AuditLog } from "./security/audit.ts";
import { asProblem, Problem, PROBLEM_TYPE, refuse } from "./problem.ts";
import { RequestError } from "../request_error.ts";

/** What the server knows of a connection. */
export interface Connection {
  /** Address of the client, or "unix". */
  readonly remote?: string;
  /** Whoever gets here may do everything while no tokens are set: it is this machine. Default true. */
  readonly open?: boolean;
}

export interface ControlEnv {
  Bindings: Connection;
  Variables: {
    identify: () => Promise<Caller>;
    /** Who asks; set when the handler is called. */
    caller: Caller;
    audit: AuditLog;
    /** So long a body may take, and some more if it is large. */
    bodyMs: number;
    /** What was changed, for the audit log. */
    change?: string;
    /** The path of the route, as the OpenAPI document writes it. */
    route?: string;
  };
}

export type ControlApp = OpenAPIHono<ControlEnv>;
export type ControlContext = Context<ControlEnv>;

export const JSON_BYTES_MAXIMUM = 1024 * 1024;

export interface Answer {
  readonly description: string;
  /** JSON of this shape, unless `type` says otherwise. */
  readonly schema?: z.ZodType;
  readonly type?: string;
}

export interface RouteDefinition<P, Q, B> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** As OpenAPI writes it: `/v1/vms/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  /** A JSON body of this shape. */
  readonly body?: z.ZodType<B>;
  /** A body of raw bytes instead: their type and at most how many. */
  readonly bytes?: {
    readonly type: string;
    readonly maximum: number;
    /** The handler reads it piece by piece and stops by itself. */
    readonly streamed?: boolean;
  };
  readonly answers: Readonly<Record<number, Answer>>;
}

export interface Checked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

export type RouteHandler<P, Q, B> = (
  c: ControlContext,
  checked: Checked<P, Q, B>,
) => Response | Promise<Response>;

/** Adds a route to an application. */
export function addRoute<P = unknown, Q = unknown, B = unknown>(
  app: ControlApp,
  definition: RouteDefinition<P, Q, B>,
  handler: RouteHandler<P, Q, B>,
): void {
  const { method, path, tag, summary, description, access, params, query, body, bytes } =
    definition;
  const middleware = [
    named(path),
    audited(method !== "get"),
    permit(access),
  ] as MiddlewareHandler[];
  if (method !== "get" && !bytes?.streamed) {
    middleware.push(wholeBody(bytes?.maximum ?? JSON_BYTES_MAXIMUM) as MiddlewareHandler);
  }
  if (body !== undefined) middleware.push(jsonOnly);
  const route = createRoute({
    method,
    path,
    tags: [tag],
    summary,
    description: describeAccess(access, description),
    "x-denali-role": access.role,
    security: access.role === "public" ? [] : [{ bearer: [] }],
    middleware,
    request: {
      ...params && { params: params as unknown as z.ZodObject },
      ...query && { query: query as unknown as z.ZodObject },
      ...body && {
        body: { required: true, content: { "application/json": { schema: body as z.ZodType } } },
      },
      ...bytes && {
        body: {
          required: true,
          content: {
            [bytes.type]: { schema: z.any().openapi({ type: "string", format: "binary" }) },
          },
        },
      },
    },
    responses: {
      ...Object.fromEntries(Object.entries(definition.answers).map(describe)),
      default: PROBLEM,
    },
  });
  const run = (c: ControlContext) => {
    const request = c.req as unknown as { valid(target: string): unknown };
    return handler(c, {
      params: (params && request.valid("param")) as P,
      query: (query && request.valid("query")) as Q,
      body: (body && request.valid("json")) as B,
    });
  };
  // The handler's types are checked by `Checked`; what it answers is documented, not typed.
  app.openapi(route, run as never, (result, c) => {
    if (result.success) return undefined as never;
    const target = result.target as string;
    const schema = { param: params, query, json: body }[target] as z.ZodType | undefined;
    const issue = result.error.issues[0] as z.core.$ZodIssue;
    return refuse(c, asProblem(issue, target === "json" ? "body" : target, schema)) as never;
  });
}

function named(path: string): MiddlewareHandler<ControlEnv> {
  return async (c, next) => {
    c.set("route", path);
    await next();
  };
}

const PROBLEM = {
  description: "Refused, or failed: what came and what was expected",
  content: { [PROBLEM_TYPE]: { schema: Problem } },
};

function describe([status, { description, schema, type }]: [string, Answer]) {
  if (schema === undefined && type === undefined) return [status, { description }];
  const content = type ?? "application/json";
  const shape = schema ?? z.string();
  return [status, { description, content: { [content]: { schema: shape } } }];
}

function describeAccess({ role, global }: Access, description = ""): string {
  if (role === "public") return description;
  const limits = global ? ` that is not limited to labels` : "";
  return `${description}${
    description ? " " : ""
  }Needs a token of the role ${role}${limits}, if tokens are set.`;
}

/** A body may take a second for each so many bytes, besides `bodyMs`. */
const BODY_BYTES_PER_SECOND = 64 * 1024;

/**
 * Reads the whole body, for those who ask for it later. One that is larger is answered 413, before more
 * of it is read, and one that does not come 408, however it says how long it is.
 */
function wholeBody(maxSize: number): MiddlewareHandler<ControlEnv> {
  const limited = bodyLimit({
    maxSize,
    onError: (c) => {
      const much = "the body is too large";
      return refuse(c, new RequestError("body", much, `at most ${maxSize} bytes`, 413));
    },
  });
  return async (c, next) => {
    if (c.req.raw.body === null) return await next();
    let whole = false;
    const read = limited(c, async () => {
      await c.req.arrayBuffer();
      whole = true;
    }).catch(() => {
      throw new RequestError("body", "it broke off", "all of it");
    });
    const told = Number(c.req.header("content-length") ?? 0) || 0;
    const milliseconds = c.get("bodyMs") + told / BODY_BYTES_PER_SECOND * 1000;
    const refusal = await within(milliseconds, read);
    if (!whole) return refusal as Response;
    await next();
  };
}

async function within<T>(milliseconds: number, body: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const got = `the body has not come in ${Math.round(milliseconds / 1000)} s`;
      reject(new RequestError("body", got, "one that is sent at once", 408));
    }, milliseconds);
  });
  try {
    return await Promise.race([body, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 8259, section 8.1: JSON is UTF-8. Whatever else comes would be kept with other letters in it. */
const jsonOnly: MiddlewareHandler = async (c, next) => {
  const type = c.req.header("content-type") ?? "nothing";
  if (!/^application\/json\b/i.test(type)) {
    throw new RequestError("content-type", `got ${type}`, "application/json");
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(await c.req.arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new RequestError("body", "got bytes that are no UTF-8", "JSON in UTF-8");
  }
  await next();
};
