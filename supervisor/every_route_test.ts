/**
 * Every route of the OpenAPI document through the real socket, with what it is for: it succeeds, and what
 * it answers has the status, the type and the shape that the document tells.
 *
 * The journey has one request for each route, in the order of a VM's life, and fails when a route has
 * none: a route that is added comes with the request that shows it.
 */

import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { crashGuest, echoGuest } from "./testing/guests.ts";
import { type SendOptions, type Served, withServed } from "./testing/served.ts";

interface Request extends SendOptions {
  /** What stands for the names in the route's path, in their order. */
  readonly at?: readonly string[];
  readonly query?: string;
  /** What is done once it is answered. */
  readonly after?: () => Promise<unknown>;
}

/** A request; or what has to be there before it can be made, and then the request. */
type Step = Request | ((served: Served) => Promise<Request>);

const BLOCK = new Uint8Array(4096).fill(7);
const vm = { at: ["vm"] };

const JOURNEY: Readonly<Record<string, Step>> = {
  "GET /healthz": {},
  "GET /readyz": {},
  "POST /v1/images": { query: "?name=echo", body: echoGuest() },
  "GET /v1/images": {},
  "GET /v1/images/{name}": { at: ["echo"] },
  "POST /v1/disks": { json: { name: "data", size: "64K" } },
  "PUT /v1/disks/{name}/data": { at: ["raw"], body: BLOCK },
  "GET /v1/disks/{name}/making": making,
  "POST /v1/disks/{name}/clone": { at: ["raw"], json: { name: "copy" } },
  "POST /v1/disks/{name}/fetch": fromAfar,
  "GET /v1/disks": {},
  "GET /v1/disks/{name}": { at: ["raw"] },
  "GET /v1/disks/{name}/data": { at: ["copy"] },
  "PATCH /v1/disks/{name}": { at: ["raw"], json: { size: "64K" } },
  "DELETE /v1/disks/{name}": { at: ["copy"] },
  "POST /v1/vms": { json: { name: "vm", image: "echo", disks: ["raw"], env: { color: "blue" } } },
  "GET /v1/vms": { query: "?name=v*&limit=1" },
  "GET /v1/vms/{id}": vm,
  "PATCH /v1/vms/{id}": { ...vm, json: { cpus: 0.5, netBytes: "1M" } },
  "GET /v1/vms/{id}/stats": vm,
  "GET /v1/stats": {},
  "POST /v1/vms/{id}/pause": vm,
  "POST /v1/vms/{id}/resume": vm,
  "POST /v1/vms/{id}/console": { ...vm, body: "typed" },
  "GET /v1/vms/{id}/console": vm,
  "POST /v1/ports": { json: { vm: "vm", publish: "0:80" } },
  "GET /v1/ports": {},
  "DELETE /v1/ports/{hostname}/{host}": ({ supervisor }) => {
    const [{ hostname, host }] = supervisor.get("vm").publish;
    return Promise.resolve({ at: [hostname, String(host)] });
  },
  "GET /v1/vms/{id}/pcap": { ...vm, query: "?seconds=1" },
  "POST /v1/vms/{id}/restart": vm,
  "POST /v1/vms/{id}/stop": vm,
  "POST /v1/vms/{id}/start": vm,
  "POST /v1/vms/{id}/kill": vm,
  "GET /v1/vms/{id}/wait": vm,
  "GET /v1/vms/{id}/crash": async ({ supervisor }) => {
    await supervisor.addImage("crash", crashGuest());
    const { id } = await supervisor.create({ image: "crash" });
    await supervisor.ended(id);
    return { at: [String(id)] };
  },
  "DELETE /v1/vms/{id}": vm,
  "DELETE /v1/images/{name}": { at: ["echo"] },
  "GET /v1/events": { query: "?after=0&limit=5" },
  "GET /v1/system": {},
  "GET /metrics": {},
  "GET /v1/audit": {},
  "GET /v1/tokens": {},
  "POST /v1/tokens": { json: { name: "root", role: "admin" } },
  // The last token's end opens the endpoint again.
  "DELETE /v1/tokens/{name}": async ({ supervisor }) => {
    const token = await supervisor.tokens.create("other", "admin");
    return { at: ["root"], token };
  },
};

Deno.test("every route does through the socket what the OpenAPI document tells", () =>
  withServed(async (served) => {
    const document = await (await served.send("GET", "/openapi.json")).json();
    const routes = routesOf(document);
    assertEquals(Object.keys(JOURNEY).sort(), [...routes.keys()].sort(), "each route once");
    for (const [route, step] of Object.entries(JOURNEY)) {
      const request = typeof step === "function" ? await step(served) : step;
      const { at = [], query = "" } = request;
      const [method, template] = route.split(" ");
      const path = at.reduce((path, name) => path.replace(/\{\w+\}/, name), template);
      const answer = await served.send(method, path + query, request);
      await checkAnswer(route, answer, routes.get(route)!);
      await request.after?.();
    }
  }));

// deno-lint-ignore no-explicit-any -- a JSON document
type Json = any;

/** What the document says of each route, without references. */
function routesOf(document: Json): Map<string, Json> {
  const resolve = (value: Json): Json => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    const name = /^#\/components\/schemas\/(\w+)$/.exec(value.$ref)?.[1];
    if (name !== undefined) return resolve(document.components.schemas[name]);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item)]));
  };
  return new Map(
    Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, route]) => [
        `${method.toUpperCase()} ${path}`,
        resolve(route.responses),
      ])
    ),
  );
}

async function checkAnswer(route: string, response: Response, answers: Json): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  assert(response.ok, `${route}: ${response.status} ${text}`);
  const told = answers[response.status];
  assert(told !== undefined, `${route}: the document does not tell of ${response.status}`);
  if (told.content === undefined) return;
  const [[type, { schema }]] = Object.entries<Json>(told.content);
  assertEquals(response.headers.get("content-type")?.split(";")[0], type, route);
  if (type !== "application/json") return assert(bytes.length > 0 || route.includes("console"));
  const { error } = z.fromJSONSchema(schema).safeParse(JSON.parse(text));
  assertEquals(error?.issues, undefined, `${route}: ${text.slice(0, 1000)}`);
}

/** A disk whose bytes have not all come yet. */
async function making({ send, supervisor }: Served): Promise<Request> {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  void writer.write(BLOCK);
  const made = send("PUT", "/v1/disks/slow/data", { body: readable });
  const begun = () => {
    try {
      return supervisor.disks!.store.making("slow");
    } catch {
      return undefined;
    }
  };
  while (begun() === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  const after = async () => {
    await writer.close();
    assertEquals((await made).status, 201);
    await (await made).body?.cancel();
  };
  return { at: ["slow"], after };
}

/** A file of another server. */
async function fromAfar(): Promise<Request> {
  const digest = await crypto.subtle.digest("SHA-256", BLOCK);
  const sha256 = new Uint8Array(digest).toHex();
  const afar = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    void afar.shutdown();
    return new Response(BLOCK);
  });
  const url = `http://127.0.0.1:${(afar.addr as Deno.NetAddr).port}/`;
  return { at: ["far"], json: { url, sha256 } };
}
