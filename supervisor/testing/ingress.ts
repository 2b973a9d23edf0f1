/** A VM behind an ingress that is served on a real socket, for tests. */

import type { GatewayConnection } from "../gateway/gateway.ts";
import { type Loopback, loopback } from "../gateway/loopback.ts";
import { ADDRESS_B } from "../gateway/simulation.ts";
import { createIngress, type Ingress, type IngressOptions } from "../ingress/ingress.ts";

export const encoder = new TextEncoder();

/** One character per byte; TextDecoder's "latin1" is windows-1252. */
export const decoder = {
  decode: (bytes: Uint8Array = new Uint8Array()) =>
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""),
};

interface Fixture {
  ingress: Ingress;
  link: Loopback;
  port: number;
  /** Requests as the VM saw them, and how many connections they came by. */
  seen: { heads: string[]; connections: number };
  fetch(path: string, init?: RequestInit, name?: string): Promise<Response>;
}

/** What the VM does with a request: the head is read, the rest is its business. */
export type Serve = (
  connection: GatewayConnection,
  head: string,
  rest: Uint8Array,
) => Promise<void | "close">;

/** A VM "vm-1" behind an ingress in a real Deno.serve on 127.0.0.1. */
export function ingressTest(
  name: string,
  serve: Serve | null,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<IngressOptions> = {},
  ignore = false,
): void {
  Deno.test(name, { ignore }, async () => {
    const link = loopback();
    const seen: Fixture["seen"] = { heads: [], connections: 0 };
    if (serve !== null) {
      link.b.listen(80, (connection) => void serveRequests(connection, serve, seen));
    }
    const ingress = createIngress({
      gateway: link.a,
      resolve: (vm) => vm === "vm-1" ? { address: ADDRESS_B, port: 80 } : undefined,
      ...options,
    });
    const hushed = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const server = Deno.serve(
      hushed,
      (request, info) => ingress(request, info as Parameters<Ingress>[1]),
    );
    const { port } = server.addr;
    // The system's resolver need not know *.localhost, so the name goes into the Host header.
    const client = Deno.createHttpClient({ allowHost: true });
    const fetchVm = (path: string, init: RequestInit = {}, name = "vm-1") => {
      const headers = new Headers(init.headers);
      headers.set("host", `${name}.localhost:${port}`);
      return fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers, client });
    };
    try {
      await body({ ingress, link, port, seen, fetch: fetchVm });
    } finally {
      client.close();
      ingress.close();
      await server.shutdown();
      link.close();
    }
  });
}

/** Serves the requests of a connection until it ends. */
export async function serveRequests(
  connection: GatewayConnection,
  serve: Serve,
  seen: Fixture["seen"],
) {
  seen.connections++;
  let text = "";
  try {
    for (let bytes = await connection.read(); bytes !== null; bytes = await connection.read()) {
      text += decoder.decode(bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const head = text.slice(0, end);
      const rest = Uint8Array.from(text.slice(end + 4), (c) => c.charCodeAt(0));
      text = "";
      seen.heads.push(head);
      if (await serve(connection, head, rest) === "close") break;
    }
    await connection.closeWrite();
  } catch {
    connection.abort();
  }
}

/** Answers each request with this. */
export function says(text: string, close = false): Serve {
  return async (connection) => {
    await connection.write(encoder.encode(text));
    if (close) return "close";
  };
}

/** An answer of five bytes. */
export const HELLO =
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
