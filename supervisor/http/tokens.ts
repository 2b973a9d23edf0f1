/** Tokens and the audit log: who may do what, and who did. */

import { z } from "@hono/zod-openapi";
import { ROLES } from "./security/access.ts";
import { addRoute, type ControlApp } from "./route.ts";
import { parsed, wholeNumber } from "./schema.ts";
import { RequestError } from "../request_error.ts";
import type { Supervisor } from "../supervisor.ts";
import { parseLabels } from "../vm/request.ts";
import { show } from "../vm/show.ts";

const tag = "security";
const NAME_EXPECTED = "1 to 63 of a-z, A-Z, 0-9, '.', '_' and '-', starting with a letter or digit";

const name = parsed<string>((value) => {
  if (typeof value === "string" && /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(value)) return value;
  throw new RequestError("name", `got ${show(value)}`, NAME_EXPECTED);
}, { type: "string", example: "ci" });

const labels = parsed((value) => value === undefined ? undefined : parseLabels(value), {
  type: "object",
  additionalProperties: { type: "string" },
  description: "Only VMs that have all of these labels exist for it",
}).optional();

const Token = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  labels: z.record(z.string(), z.string()).optional(),
  created: z.iso.datetime(),
}).openapi("Token");

const TokenCreate = z.strictObject({ name, role: z.enum(ROLES), labels })
  .openapi("TokenCreate", { required: ["name", "role"] });

const Entry = z.object({
  id: z.int(),
  time: z.iso.datetime(),
  caller: z.string().meta({
    description: 'Name of the token; "" if none was needed, "?" if wrong',
  }),
  remote: z.string(),
  method: z.string(),
  path: z.string(),
  status: z.int().nullable(),
  subject: z.string().nullable(),
}).openapi("AuditEntry");

export function routeTokens(app: ControlApp, supervisor: Supervisor): void {
  const { tokens, audit } = supervisor;
  addRoute(app, {
    method: "get",
    path: "/v1/tokens",
    tag,
    summary: "List tokens",
    access: { role: "admin", global: true },
    answers: { 200: { description: "Without their secrets", schema: z.array(Token) } },
  }, (c) => c.json(tokens.list()));

  addRoute(app, {
    method: "post",
    path: "/v1/tokens",
    tag,
    summary: "Make a token",
    description: "The first must be an admin's; from then on every request needs a token. The " +
      "secret is in this answer and never told again.",
    access: { role: "admin", global: true },
    body: TokenCreate,
    answers: {
      201: { description: "With its secret", schema: Token.extend({ token: z.string() }) },
    },
  }, async (c, { body }) => {
    c.set("change", `token ${body.name}`);
    const token = await tokens.create(body.name, body.role, body.labels);
    const made = tokens.list().find(({ name }) => name === body.name);
    return c.json({ ...made, token }, 201, { "cache-control": "no-store" });
  });

  addRoute(app, {
    method: "delete",
    path: "/v1/tokens/{name}",
    tag,
    summary: "Take a token back",
    access: { role: "admin", global: true },
    params: z.object({ name: z.string().max(64) }),
    answers: { 204: { description: "It is no longer known" } },
  }, async (c, { params }) => {
    c.set("change", `token ${params.name}`);
    await tokens.remove(params.name);
    return c.body(null, 204);
  });

  addRoute(app, {
    method: "get",
    path: "/v1/audit",
    tag,
    summary: "Who changed what, from where",
    description: "The oldest first; the last 100,000 are kept.",
    access: { role: "admin", global: true },
    query: z.object({
      after: wholeNumber("after", "Only entries with greater ids", 0),
      limit: wholeNumber("limit", "At most so many", 1000, 1, 10_000),
    }),
    answers: { 200: { description: "Entries", schema: z.array(Entry) } },
  }, async (c, { query }) => c.json(await audit.read(query.after, query.limit)));
}
