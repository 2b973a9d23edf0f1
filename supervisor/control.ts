/**
 * The control endpoint: the supervisor's methods as HTTP under /v1.
 *
 * `createControl` makes a Hono application that needs no socket: tests call `app.request`. A request
 * that is wrong gets a 4xx status and `{"error": {"field", "message", "expected"}}`.
 *
 * Whoever can reach the endpoint owns all VMs, so a browser must not be talked into it: requests
 * that another site's page makes are refused (Origin, and names that only a rebound DNS has).
 */

import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import { ABI_VERSION } from "../kernel/abi.ts";
import { DASHBOARD } from "./dashboard.ts";
import { IMAGE_BYTES_MAXIMUM } from "./cell/protocol.ts";
import { RequestError } from "./request_error.ts";
import type { Supervisor } from "./supervisor.ts";
import { VERSION } from "./version.ts";
import { object } from "./vm/request.ts";

const JSON_BYTES_MAXIMUM = 1024 * 1024;
const INPUT_BYTES_MAXIMUM = 64 * 1024;
const GRACE_SECONDS_MAXIMUM = 300;

export function createControl(supervisor: Supervisor): Hono {
  const app = new Hono();
  app.use(secureHeaders());
  app.use(sameSite);
  app.get("/", (c) => c.html(DASHBOARD));
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/v1/system", async (c) => c.json(await describeSystem(supervisor)));
  app.get("/v1/events", (c) => c.json(supervisor.events.after(wholeNumber(c, "after", 0))));
  routeVms(app, supervisor);
  routeConsole(app, supervisor);
  routeImages(app, supervisor);
  app.notFound((c) => {
    const message = `no ${c.req.method} ${c.req.path}`;
    return refuse(c, new RequestError("path", message, "a route under /v1", 404));
  });
  app.onError((error, c) => {
    if (error instanceof RequestError) return refuse(c, error);
    console.error(`denali: ${c.req.method} ${c.req.path}: ${error.stack ?? error}`);
    return c.json(
      { error: { field: "server", message: error.message, expected: "no error" } },
      500,
    );
  });
  return app;
}

function routeVms(app: Hono, supervisor: Supervisor): void {
  app.post("/v1/vms", limited(JSON_BYTES_MAXIMUM), async (c) => {
    // `create` checks every field itself.
    const request = object("body", await json(c)) as Parameters<Supervisor["create"]>[0];
    return c.json(await supervisor.create(request), 201);
  });
  app.get("/v1/vms", (c) => c.json(supervisor.list()));
  app.get("/v1/vms/:id", async (c) => {
    const id = c.req.param("id");
    return c.json({ ...supervisor.get(id), report: await supervisor.report(id) });
  });
  app.patch("/v1/vms/:id", limited(JSON_BYTES_MAXIMUM), async (c) => {
    const change = object("body", await json(c)) as Parameters<Supervisor["update"]>[1];
    return c.json(await supervisor.update(c.req.param("id"), change));
  });
  app.delete("/v1/vms/:id", async (c) => {
    await supervisor.remove(c.req.param("id"));
    return c.body(null, 204);
  });
  app.post("/v1/vms/:id/start", async (c) => {
    await supervisor.start(c.req.param("id"));
    return c.json(supervisor.get(c.req.param("id")));
  });
  app.post("/v1/vms/:id/stop", async (c) => {
    const seconds = wholeNumber(c, "grace", 0, GRACE_SECONDS_MAXIMUM);
    await supervisor.stop(c.req.param("id"), seconds * 1000);
    return c.json(supervisor.get(c.req.param("id")));
  });
  app.post("/v1/vms/:id/pause", async (c) => {
    await supervisor.pause(c.req.param("id"));
    return c.json(supervisor.get(c.req.param("id")));
  });
  app.post("/v1/vms/:id/resume", async (c) => {
    await supervisor.resume(c.req.param("id"));
    return c.json(supervisor.get(c.req.param("id")));
  });
  app.get("/v1/stats", async (c) => c.json(await supervisor.rows()));
}

function routeConsole(app: Hono, supervisor: Supervisor): void {
  app.get("/v1/vms/:id/console", (c) => {
    const id = c.req.param("id");
    const follow = flag(c, "follow");
    const body = follow ? supervisor.followConsole(id) : supervisor.consoleHistory(id);
    return c.body(body, 200, {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
    });
  });
  app.post("/v1/vms/:id/console", limited(INPUT_BYTES_MAXIMUM), async (c) => {
    const id = c.req.param("id");
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    const close = flag(c, "close");
    // Not awaited: a VM may take its input much later, or never.
    supervisor.keyboard(id, bytes);
    if (close) supervisor.closeKeyboard(id);
    return c.json({ accepted: bytes.length }, 202);
  });
}

function routeImages(app: Hono, supervisor: Supervisor): void {
  app.get("/v1/images", async (c) => c.json(await supervisor.images.list()));
  app.post("/v1/images", limited(IMAGE_BYTES_MAXIMUM), async (c) => {
    const name = c.req.query("name");
    if (name === undefined) {
      throw new RequestError("name", "got nothing", "?name=NAME in the URL, the file as the body");
    }
    const file = new Uint8Array(await c.req.arrayBuffer());
    const { hash } = await supervisor.addImage(name, file);
    return c.json({ name, hash, bytes: file.length, builtin: false }, 201);
  });
}

async function describeSystem(supervisor: Supervisor): Promise<Record<string, unknown>> {
  const { cells, network, gateway, uplink } = await supervisor.stats();
  const states: Record<string, number> = {};
  for (const { state } of supervisor.list()) states[state] = (states[state] ?? 0) + 1;
  return {
    version: VERSION,
    abi: ABI_VERSION,
    residentBytes: Deno.memoryUsage().rss,
    vms: supervisor.list().length,
    states,
    frames: sumOf(cells, "frames"),
    swap: sumOf(cells, "swap"),
    engine: sumOf(cells, "engine"),
    cells,
    network,
    gateway,
    uplink,
  };
}

/** One group of counters, of all cells together; what is no number is the same in each. */
function sumOf(cells: readonly unknown[], group: string): Record<string, unknown> {
  const sums: Record<string, unknown> = {};
  for (const cell of cells) {
    const counters = (cell as Record<string, Record<string, unknown> | undefined>)[group] ?? {};
    for (const [name, value] of Object.entries(counters)) {
      const sum = sums[name];
      sums[name] = typeof value === "number" && typeof sum === "number" ? sum + value : value;
    }
  }
  return sums;
}

/** Refuses what a page of another site sends, and names that are not this machine's. */
const sameSite: MiddlewareHandler = async (c, next) => {
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

function limited(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: (c) => {
      const much = "the body is too large";
      return refuse(c, new RequestError("body", much, `at most ${maxSize} bytes`, 413));
    },
  });
}

function refuse(c: Context, { field, message, expected, status }: RequestError): Response {
  return c.json({ error: { field, message, expected } }, status);
}

async function json(c: Context): Promise<unknown> {
  const type = c.req.header("content-type") ?? "nothing";
  if (!/^application\/json\b/i.test(type)) {
    throw new RequestError("content-type", `got ${type}`, "application/json");
  }
  try {
    return await c.req.json();
  } catch (error) {
    throw new RequestError("body", (error as Error).message, "JSON");
  }
}

function flag(c: Context, name: string): boolean {
  const value = c.req.query(name);
  if (value === undefined || ["0", "false"].includes(value)) return false;
  if (["", "1", "true"].includes(value)) return true;
  throw new RequestError(name, `got ${JSON.stringify(value)}`, "1 or 0");
}

function wholeNumber(c: Context, name: string, otherwise: number, most = 2 ** 53 - 1): number {
  const text = c.req.query(name);
  if (text === undefined) return otherwise;
  if (/^\d{1,16}$/.test(text) && Number(text) <= most) return Number(text);
  const expected = `a whole number from 0 to ${most}`;
  throw new RequestError(name, `got ${JSON.stringify(text)}`, expected);
}
