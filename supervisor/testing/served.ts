/** A server on a socket of its own, for tests: the real way in. */

import type { ControlOptions } from "../control.ts";
import { listen, type Place } from "../listen.ts";
import { createHandler } from "../server.ts";
import { Supervisor, type SupervisorOptions } from "../supervisor.ts";

export interface Served {
  readonly supervisor: Supervisor;
  /** Without a slash at its end. */
  readonly url: string;
  /** A request, with a token if one is given; `json` becomes the body. */
  send(method: string, path: string, options?: SendOptions): Promise<Response>;
}

export interface SendOptions {
  readonly token?: string;
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly headers?: Record<string, string>;
}

export interface ServedOptions extends SupervisorOptions {
  readonly control?: ControlOptions;
  readonly place?: Place;
}

export async function withServed(
  test: (served: Served) => Promise<void>,
  { control, place = { hostname: "127.0.0.1", port: 0 }, ...options }: ServedOptions = {},
): Promise<void> {
  const supervisor = await Supervisor.start({ cells: 1, poolBytes: 16 * 2 ** 20, ...options });
  const handler = createHandler(supervisor, control);
  const told = Promise.withResolvers<string>();
  const server = await listen(place, handler, told.resolve);
  const url = await told.promise;
  try {
    await test({
      supervisor,
      url,
      send: (method, path, { token, json, body, headers } = {}) =>
        fetch(url + path, {
          method,
          body: json === undefined ? body : JSON.stringify(json),
          headers: {
            ...json !== undefined && { "content-type": "application/json" },
            ...token !== undefined && { authorization: `Bearer ${token}` },
            ...headers,
          },
        }),
    });
  } finally {
    handler.close();
    await supervisor.close();
    await server.shutdown();
  }
}
